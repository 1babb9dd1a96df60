"""Weights of rosinality's StyleGAN2 (`.pt` with `g_ema`) under our names."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mmseg_gen.errors import UserError

from .config import StyleGan2Config
from .operations import filter_taps

_MAPPING_RATE = 0.01  # fixed in the code of that project
_KERNEL_TOLERANCE = 1e-4


def rosinality_weights(content: Any) -> tuple[StyleGan2Config, dict[str, Tensor]]:
    """Return sizes and weights of the averaged generator; the mean style is absent where the file has none.

    Args:
        content: What the file holds: a dict with `g_ema`, and `latent_avg` in converted ones.

    Raises:
        UserError: It is another dict, or its weights do not fit together.
    """
    if not isinstance(content, dict) or not isinstance(content.get('g_ema'), dict):
        found = ', '.join(map(str, list(content)[:5])) if isinstance(content, dict) else type(content).__name__
        raise UserError(f'Expected a checkpoint with the entry `g_ema`, but got {found or "nothing"}.')
    source = {key: value for key, value in content['g_ema'].items() if isinstance(value, Tensor)}
    kernels = {key: source.pop(key) for key in list(source) if key.endswith('.kernel')}
    _check_kernels(kernels)
    config = _config(source)
    weights = {_own_name(key): _own_shape(key, value) for key, value in source.items()}
    mean = content.get('latent_avg')
    if isinstance(mean, Tensor):
        weights['mapping.mean_style'] = mean.reshape(-1)
    return config, weights


def _config(source: dict[str, Tensor]) -> StyleGan2Config:
    try:
        levels = 1 + sum(key.startswith('to_rgbs.') and key.endswith('.bias') and '.conv.' not in key for key in source)
        wide = ['conv1', *(f'convs.{2 * i + 1}' for i in range(levels - 1))]
        layers = sum(key.startswith('style.') and key.endswith('.weight') for key in source)
        return StyleGan2Config(
            resolution=2 ** (levels + 1),
            channels=tuple(source[f'{name}.conv.weight'].shape[1] for name in wide),
            latent_dim=source['style.1.weight'].shape[1],
            style_dim=source['style.1.weight'].shape[0],
            mapping_layers=layers,
            mapping_rate=_MAPPING_RATE,
        )
    except (KeyError, IndexError) as error:
        raise UserError(f'Expected the generator of a StyleGAN2 in `g_ema`, but got no usable {error}.') from error


def _own_name(key: str) -> str:
    parts = key.split('.')
    if parts[0] == 'style' and len(parts) == 3 and parts[1].isdigit():
        return f'mapping.layers.{int(parts[1]) - 1}.{parts[2]}'
    if key == 'input.input':
        return 'synthesis.constant'
    if parts[0] == 'noises' and parts[-1].removeprefix('noise_').isdigit():
        return f'synthesis.convs.{int(parts[-1].removeprefix("noise_"))}.noise'
    if parts[0] in ('conv1', 'to_rgb1'):
        parts[:1] = ['convs' if parts[0] == 'conv1' else 'to_rgbs', '0']
    elif parts[0] in ('convs', 'to_rgbs') and len(parts) > 2 and parts[1].isdigit():
        parts[1] = str(int(parts[1]) + 1)
    place, rest = '.'.join(parts[:2]), '.'.join(parts[2:])
    renamed = {
        'conv.weight': 'weight',
        'conv.modulation.weight': 'style.weight',
        'conv.modulation.bias': 'style.bias',
        'noise.weight': 'noise_strength',
        'activate.bias': 'bias',
        'bias': 'bias',
    }.get(rest)
    # A name that is not known stays as it is, to be listed as left over.
    return key if renamed is None else f'synthesis.{place}.{renamed}'


def _own_shape(key: str, value: Tensor) -> Tensor:
    """Return the tensor without the axes of length one that the other form has, where it has them."""
    if key.endswith('conv.weight') or key == 'input.input':
        return value[0] if value.ndim > 3 and len(value) == 1 else value
    if key.startswith('noises.'):
        return value[0, 0] if value.ndim == 4 and value.shape[:2] == (1, 1) else value
    if key.endswith('noise.weight'):
        return value.reshape(()) if value.numel() == 1 else value
    if key.startswith('to_rgb') and key.endswith('.bias') and value.ndim == 4:
        return value.flatten()
    return value


def _check_kernels(kernels: dict[str, Tensor]) -> None:
    taps = filter_taps()
    expected = 4 * torch.outer(taps, taps)
    for key, kernel in kernels.items():
        if kernel.shape != expected.shape or not torch.allclose(kernel.float(), expected, atol=_KERNEL_TOLERANCE):
            raise UserError(f'Expected {key} to be the filter 1, 3, 3, 1 of StyleGAN2, but got another one.')
