"""Latents of given images by a residual encoder (ReStyle: Alaluf et al., ICCV 2021), and its weights on disk."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from mmseg_gen.errors import UserError
from mmseg_gen.functional.inversion_loss import pixel_loss
from mmseg_gen.functional.writing import write_atomically

from .gan_inversion import Inversion
from .residual_encoder import EncoderConfig, ResidualEncoder, refine_styles
from .sources import EMBEDDED, EMBEDDED_STYLEGAN2
from .structure import check_weights
from .stylegan2.network import StyleGan2

_KEY = 'residual_encoder'
_SCALES = 4


@torch.no_grad()
def encode_images(model: StyleGan2, images: Tensor, encoder: ResidualEncoder, *, steps: int = 5) -> Inversion:
    """Return latents whose images are near the given ones, by a few passes of an encoder instead of optimisation.

    The losses are those of :func:`.invert_images`, over four scales. Noise maps are the model's own.

    Args:
        model: The generator that the encoder was trained for.
        images: ``(N, 3, R, R)`` in [-1, 1], R the generator's resolution.
        encoder: From :func:`load_encoder`.
        steps: Corrections; the paper has 5 to 10.

    Raises:
        ValueError: ``images`` have another shape or values that are not finite, ``steps`` is below 1, or the encoder is
            one of another generator.
    """
    check_encoder(model, encoder, steps)
    side, own = model.config.resolution, encoder.config
    if images.ndim != 4 or images.shape[1:] != (3, side, side) or not len(images) or not torch.isfinite(images).all():
        raise ValueError(f'Expected finite `images` of shape (N, 3, {side}, {side}), but got {tuple(images.shape)}.')
    targets, losses = images.to(model.mapping.mean_style), []

    def draw(styles: Tensor) -> Tensor:
        drawn = model.synthesis(styles.expand(-1, model.num_layers, -1))
        losses.append(pixel_loss(drawn, targets, _SCALES))
        return drawn

    start = model.mapping.mean_style.expand(own.styles, -1)
    styles = refine_styles(encoder, draw, start, targets, steps)[-1].expand(-1, model.num_layers, -1).clone()
    noise = tuple(conv.noise.expand(len(images), 1, -1, -1).clone() for conv in model.synthesis.convs)
    return Inversion(styles, noise, torch.stack(losses))


def check_encoder(model: StyleGan2, encoder: ResidualEncoder, steps: int) -> None:
    """Check that an encoder can correct styles of a generator so many times.

    Raises:
        ValueError: It is one of another generator, or ``steps`` is below 1.
    """
    side, own = model.config.resolution, encoder.config
    if (own.resolution, own.style_dim) != (side, model.config.style_dim) or own.styles not in (1, model.num_layers):
        raise ValueError(
            f'Expected an `encoder` of this generator, {side} pixels and 1 or {model.num_layers} styles of '
            f'{model.config.style_dim}, but got {own}.'
        )
    if steps < 1:
        raise ValueError(f'Expected `steps` of the encoder to be 1 or more, but got {steps}.')


def save_encoder(encoder: ResidualEncoder, path: str | Path) -> None:
    """Write weights and sizes as safetensors, under a temporary name that is then renamed to ``path``."""
    tensors = {key: value.detach().cpu().contiguous() for key, value in encoder.state_dict().items()}
    metadata = {'format': 'pt', _KEY: json.dumps(encoder.config.to_dict())}
    write_atomically(Path(path), lambda partial: save_file(tensors, partial, metadata))


def load_encoder(path: str | Path, device: str | torch.device = 'cpu') -> ResidualEncoder:
    """Return an encoder from our safetensors, frozen and in eval mode.

    Other people's encoders (pSp, e4e, ReStyle) are other networks, and come as pickles: they are refused.

    Args:
        path: File of :func:`save_encoder`, or 'embedded' for the one of the embedded StyleGAN2.
        device: Where to put it.

    Raises:
        UserError: The file is damaged, of another kind, or its weights do not fit its sizes.
        FileNotFoundError: There is no such file.
    """
    path = EMBEDDED_STYLEGAN2 / 'encoder.safetensors' if str(path) == EMBEDDED else Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'Expected a residual encoder at {path}, but there is no such file.')
    try:
        with safe_open(path, 'pt') as file:
            metadata = file.metadata() or {}
            weights = {key: file.get_tensor(key).float() for key in file.keys()}
        config = EncoderConfig(**json.loads(metadata[_KEY]))
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise UserError(
            f'Expected {path} to be a residual encoder in safetensors, with its sizes in the metadata, but got a '
            f'damaged file or one of another kind ({type(error).__name__}: {error}); train one with '
            'tools/train_embedded_stylegan2.py.'
        ) from error
    encoder = ResidualEncoder(config)
    own = encoder.state_dict()
    reshaped = [(k, v.shape, own[k].shape) for k, v in weights.items() if k in own and v.shape != own[k].shape]
    check_weights(str(path), own.keys() - weights.keys(), weights.keys() - own.keys(), reshaped, 'get the file again')
    encoder.load_state_dict(weights)
    return encoder.to(device).eval().requires_grad_(False)
