"""Weights on disk: reading foreign checkpoints once, and our own safetensors from then on."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from mmseg_gen.errors import UserError
from mmseg_gen.functional.writing import write_atomically
from mmseg_gen.generators.sources import EMBEDDED, EMBEDDED_STYLEGAN2
from mmseg_gen.generators.structure import check_weights

from .config import StyleGan2Config
from .network import StyleGan2
from .nvidia import nvidia_weights
from .operations import filter_taps
from .pickles import is_torch_file, read_persistent_pickle, read_torch_file
from .rosinality import rosinality_weights

_KEY = 'stylegan2'
_DTYPES = (torch.float32, torch.float16, torch.bfloat16)
_MEAN = 'mapping.mean_style'


def read_checkpoint(path: str | Path) -> StyleGan2:
    """Return the generator of a foreign checkpoint, without running anything that it holds.

    Two forms are known: rosinality's `.pt` with `g_ema`, and NVIDIA's `.pkl` with `G_ema`. Where the file has no mean
    style, it is estimated from 10 000 z.

    Args:
        path: The file.

    Raises:
        UserError: It is damaged, hostile, of another form, or its weights do not fit together.
        FileNotFoundError: There is no such file.
    """
    path = Path(path)
    torch_form = is_torch_file(path)
    content = read_torch_file(path) if torch_form else read_persistent_pickle(path)
    try:
        config, weights = (rosinality_weights if torch_form else nvidia_weights)(content)
    except (ValueError, TypeError) as error:
        raise UserError(f'Expected {path} to hold a StyleGAN2. {error}') from error
    has_mean = _MEAN in weights
    if not has_mean:
        weights[_MEAN] = torch.zeros(config.style_dim)
    model = _build(config, weights, str(path))
    if not has_mean:
        model.mapping.mean_style.copy_(model.estimate_mean_style())
    return model


def save_stylegan2(model: StyleGan2, path: str | Path) -> None:
    """Write weights and sizes as safetensors, under a temporary name that is then renamed to ``path``."""
    tensors = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    metadata = {'format': 'pt', _KEY: json.dumps(model.config.to_dict())}
    write_atomically(Path(path), lambda partial: save_file(tensors, partial, metadata))


def load_stylegan2(
    path: str | Path, device: str | torch.device = 'cpu', dtype: torch.dtype = torch.float32
) -> StyleGan2:
    """Return a generator from our safetensors, frozen and in eval mode.

    Args:
        path: File of :func:`save_stylegan2` or `tools/convert_stylegan2.py`, or 'embedded' for the package's own.
        device: Where to put it.
        dtype: Precision of the convolutions; weights and styles stay in float32, and the image is summed in it.

    Raises:
        UserError: The file is damaged, of another kind, or its weights do not fit its sizes.
        FileNotFoundError: There is no such file.
        ValueError: ``dtype`` is none of float32, float16, bfloat16.
    """
    if dtype not in _DTYPES:
        raise ValueError(f'Expected `dtype` from {", ".join(map(str, _DTYPES))}, but got {dtype}.')
    path = EMBEDDED_STYLEGAN2 / 'model.safetensors' if str(path) == EMBEDDED else Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'Expected a StyleGAN2 at {path}, but there is no such file; write it with '
            f'tools/convert_stylegan2.py SOURCE {path}.'
        )
    try:
        with safe_open(path, 'pt') as file:
            metadata = file.metadata() or {}
            weights = {key: file.get_tensor(key) for key in file.keys()}
    except (SafetensorError, OSError) as error:
        raise UserError(
            f'Expected {path} to be safetensors, but got another or a damaged file ({error}); convert a .pt or .pkl '
            'with tools/convert_stylegan2.py.'
        ) from error
    model = _build(_config_of(metadata, path), weights, str(path)).to(device).eval().requires_grad_(False)
    model.synthesis.compute_dtype = dtype
    return model


def _config_of(metadata: dict[str, str], path: Path) -> StyleGan2Config:
    if _KEY not in metadata:
        raise UserError(
            f'Expected {path} to hold the sizes of a StyleGAN2 in its metadata, but it has none; write it with '
            'tools/convert_stylegan2.py.'
        )
    try:
        return StyleGan2Config.from_dict(json.loads(metadata[_KEY]))
    except (ValueError, TypeError) as error:
        raise UserError(f'Expected usable sizes in the metadata of {path}, but got: {error}') from error


def _build(config: StyleGan2Config, weights: dict[str, Tensor], name: str) -> StyleGan2:
    with torch.device('meta'):
        model = StyleGan2(config)
    own = model.state_dict()
    reshaped = [(k, v.shape, own[k].shape) for k, v in weights.items() if k in own and v.shape != own[k].shape]
    check_weights(name, own.keys() - weights.keys(), weights.keys() - own.keys(), reshaped, 'get the file again')
    for key, value in weights.items():
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise UserError(f'Expected {key} of {name} to hold all its numbers, but got fewer; get the file again.')
    whole = {key: value.float().clone(memory_format=torch.contiguous_format) for key, value in weights.items()}
    bad = [key for key, value in whole.items() if not torch.isfinite(value).all()]
    if bad:
        raise UserError(f'Expected finite weights in {name}, but got NaN or infinite ones in {bad[0]}.')
    model.load_state_dict(whole, assign=True)
    # What is no part of the file has no storage yet.
    model.synthesis.taps = filter_taps()
    return model
