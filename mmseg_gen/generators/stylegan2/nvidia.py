"""Weights of NVIDIA's StyleGAN2-ADA and StyleGAN3 code (`.pkl` with `G_ema`) under our names."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

from mmseg_gen.errors import UserError

from .config import StyleGan2Config
from .operations import filter_taps
from .pickles import Record

_DEPTH = 8
_EXPECTED = {'architecture': 'skip', 'activation': 'lrelu', 'use_noise': True, 'c_dim': 0, 'img_channels': 3}
_NAMES = {
    'weight': 'weight',
    'bias': 'bias',
    'noise_const': 'noise',
    'noise_strength': 'noise_strength',
    'affine.weight': 'style.weight',
    'affine.bias': 'style.bias',
}


def nvidia_weights(content: Any) -> tuple[StyleGan2Config, dict[str, Tensor]]:
    """Return sizes and weights of the averaged generator.

    Args:
        content: What the file holds: a dict with `G_ema`.

    Raises:
        UserError: It is another thing, or a network that is no StyleGAN2 with skip connections, such as one with class
            labels or StyleGAN3.
    """
    network = content.get('G_ema') if isinstance(content, dict) else None
    if not isinstance(network, Record) or '_modules' not in network.state:
        raise UserError(
            'Expected a pickle with the network `G_ema`, as the PyTorch code of StyleGAN2-ADA writes it, but got '
            f"{type(content).__name__}; convert a pickle of TensorFlow with that project's legacy.py first."
        )
    source: dict[str, Tensor] = {}
    settings: dict[str, Any] = {}
    _walk(network, '', source, settings)
    for place, value in settings.items():
        word = place.rsplit('.', 1)[-1]
        # The layers from w to a convolution's scales are linear.
        if '.affine.' not in place and word in _EXPECTED and value != _EXPECTED[word]:
            raise UserError(f'Expected a StyleGAN2 with `{word}` {_EXPECTED[word]!r}, but got {value!r} in {place}.')
    taps = filter_taps()
    for key in [key for key in source if key.endswith('resample_filter')]:
        kernel = source.pop(key).float()
        if kernel.shape != (4, 4) or not torch.allclose(kernel, torch.outer(taps, taps), atol=1e-5):
            raise UserError(f'Expected {key} to be the filter 1, 3, 3, 1 of StyleGAN2, but got another one.')
    return _config(source, settings), {_own_name(key): value for key, value in source.items()}


def _walk(record: Record, prefix: str, tensors: dict[str, Tensor], settings: dict[str, Any], depth: int = 0) -> None:
    """Collect tensors and plain settings of a stored module and of its parts."""
    if depth > _DEPTH:
        raise UserError(f'Expected modules nested at most {_DEPTH} deep, but got more at {prefix}.')
    for name, value in record.state.items():
        if isinstance(value, str | int | float | bool) or value is None:
            settings[prefix + name] = value
    for kind in ('_parameters', '_buffers'):
        for name, value in (record.state.get(kind) or {}).items():
            if isinstance(value, Tensor):
                tensors[prefix + name] = value
    for name, part in (record.state.get('_modules') or {}).items():
        if isinstance(part, Record):
            _walk(part, f'{prefix}{name}.', tensors, settings, depth + 1)


def _config(source: dict[str, Tensor], settings: dict[str, Any]) -> StyleGan2Config:
    try:
        sides = sorted(int(m[1]) for key in source if (m := re.fullmatch(r'synthesis\.b(\d+)\.conv1\.weight', key)))
        layers = sum(re.fullmatch(r'mapping\.fc\d+\.weight', key) is not None for key in source)
        stated = settings.get('synthesis.img_resolution', sides[-1])
        if stated != sides[-1]:
            raise UserError(f'Expected blocks up to {stated} pixels, but got up to {sides[-1]}.')
        return StyleGan2Config(
            resolution=sides[-1],
            channels=tuple(source[f'synthesis.b{side}.conv1.weight'].shape[0] for side in sides),
            latent_dim=source['mapping.fc0.weight'].shape[1],
            style_dim=source['mapping.fc0.weight'].shape[0],
            mapping_layers=layers,
            mapping_rate=float(settings['mapping.fc0.bias_gain']),
            clamp=settings.get('synthesis.b4.conv1.conv_clamp'),
        )
    except (KeyError, IndexError) as error:
        raise UserError(f'Expected the generator of a StyleGAN2 in `G_ema`, but got no usable {error}.') from error


def _own_name(key: str) -> str:
    if key == 'mapping.w_avg':
        return 'mapping.mean_style'
    if key == 'synthesis.b4.const':
        return 'synthesis.constant'
    found = re.fullmatch(r'mapping\.fc(\d+)\.(weight|bias)', key)
    if found:
        return f'mapping.layers.{found[1]}.{found[2]}'
    found = re.fullmatch(r'synthesis\.b(\d+)\.(conv0|conv1|torgb)\.(.+)', key)
    if not found or found[3] not in _NAMES:
        # A name that is not known stays as it is, to be listed as left over.
        return key
    level = int(found[1]).bit_length() - 3
    place = f'to_rgbs.{level}' if found[2] == 'torgb' else f'convs.{2 * level - (found[2] == "conv0")}'
    return f'synthesis.{place}.{_NAMES[found[3]]}'
