"""Images to latents and back, and the noise that sampling starts from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .parts import Parts


def image_tensor(images: Sequence[np.ndarray]) -> Tensor:
    """Return images as the models take them, RGB in [-1, 1], ``(N, 3, H, W)`` float32.

    Args:
        images: RGB uint8, ``(H, W, 3)`` each.
    """
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


@torch.no_grad()
def encode_images(parts: Parts, images: Tensor) -> Tensor:
    """Return the scaled mode of the images' latents, ``(N, C, H / s, W / s)`` float32.

    Args:
        parts: The model.
        images: RGB in [-1, 1], ``(N, 3, H, W)``; the sides are multiples of s = ``parts.latent_scale``.

    Raises:
        ValueError: The shape or the sides do not fit.
    """
    step = parts.latent_scale
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f'Expected `images` of shape (N, 3, H, W), but got {tuple(images.shape)}.')
    if images.shape[2] % step or images.shape[3] % step or 0 in images.shape:
        raise ValueError(f'Expected sides that are multiples of {step}, but got {images.shape[2]} x {images.shape[3]}.')
    posterior = parts.vae.encode(images.to(parts.device, parts.vae_dtype)).latent_dist
    return posterior.mode().float() * parts.vae.config.scaling_factor


@torch.no_grad()
def decode_latents(parts: Parts, latents: Tensor) -> Tensor:
    """Return the images of latents, RGB ``(N, 3, H, W)`` float32 clipped to [-1, 1].

    Args:
        parts: The model.
        latents: Scaled latents ``(N, C, h, w)``.
    """
    scaled = latents.to(parts.device, parts.vae_dtype) / parts.vae.config.scaling_factor
    return parts.vae.decode(scaled, return_dict=False)[0].float().clamp(-1, 1)


def draw_noise(parts: Parts, seeds: Sequence[int], size: tuple[int, int] | None = None) -> Tensor:
    """Return standard normal latents, ``(N, C, h, w)`` float32, each a function of its own seed only.

    Drawn on the CPU, so every device starts from the same numbers.

    Args:
        parts: The model.
        seeds: One seed a sample, in [0, 2^63).
        size: Height and width of the latents; None for the model's own.
    """
    side = int(parts.unet.config.sample_size)
    shape = (parts.unet.config.in_channels, *(size or (side, side)))
    drawn = [torch.randn(shape, generator=torch.Generator().manual_seed(int(seed))) for seed in seeds]
    return torch.stack(drawn).to(parts.device)
