"""Variations of one image in many styles: style mixing with StyleGAN2 (Karras et al., 2019; Feng et al., Sec. 3.1)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_gen.functional.style_stack import StyleStack

from .stylegan2.mixing import check_cutoff, mix_styles
from .stylegan2.network import Noise, StyleGan2


def to_pixels(images: Tensor) -> np.ndarray:
    """Return uint8 ``(N, H, W, 3)`` of images ``(N, 3, H, W)`` in [-1, 1]; values outside are cut off."""
    pixels = (images.detach().float() * 127.5 + 128).clamp(0, 255).to(torch.uint8)
    return pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def random_styles(model: StyleGan2, count: int, *, seed: int = 0, truncation: float = 1.0) -> Tensor:
    """Return styles of ``count`` random z, ``(count, L, D)``: the same on every device and in batches of any size.

    Args:
        model: The generator.
        count: Number of styles.
        seed: Of the z.
        truncation: As in :meth:`StyleGan2.styles`.
    """
    z = torch.randn(count, model.config.latent_dim, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        return model.styles(z.to(model.mapping.mean_style), truncation)


def random_noise(model: StyleGan2, seed: int) -> list[Tensor]:
    """Return one noise map for each convolution, ``(1, 1, h, w)``: the same on every device, for all images of a stack.

    Args:
        model: The generator.
        seed: Of the noise.
    """
    generator = torch.Generator().manual_seed(seed)
    shapes = [conv.noise.shape for conv in model.synthesis.convs]
    drawn = [torch.randn((1, 1, *shape), generator=generator) for shape in shapes]
    return [noise.to(model.mapping.mean_style) for noise in drawn]


@torch.no_grad()
def style_variations(
    model: StyleGan2,
    content: Tensor,
    *,
    cutoff: int,
    count: int = 50,
    seed: int = 0,
    truncation: float = 0.7,
    noise: Noise = 'const',
    batch: int = 4,
    max_side: int | None = None,
) -> Iterator[np.ndarray]:
    """Yield batches of one image's variations, uint8 ``(B, H, W, 3)``, RGB.

    All share the layers before ``cutoff``, which run once. Memory does not grow with ``count``.

    Args:
        model: The generator.
        content: Styles of the image, ``(L, D)`` or ``(1, L, D)``.
        cutoff: First layer that takes a random style, the paper's c, in [0, L]. The paper's settings are 5 to 8 of 18.
        count: Variations, the paper's n.
        seed: Of the random styles.
        truncation: Of the random styles; the paper does not say (its figures of images have 0.7).
        noise: 'const', 'none', maps as :class:`Synthesis` takes them, or 'random': :func:`random_noise` of the seed,
            one draw for all variations, so that noise tells no pixels apart.
        batch: Variations at a time.
        max_side: Larger images are reduced by area to this side, so that the evidence stays small.

    Raises:
        ValueError: ``cutoff`` is outside the layers, ``content`` has another shape, or a number is below 1.
    """
    check_cutoff(cutoff, model.num_layers)
    for name, value in (('count', count), ('batch', batch), ('max_side', max_side)):
        if value is not None and value < 1:
            raise ValueError(f'Expected `{name}` to be 1 or more, but got {value}.')
    expected = (model.num_layers, model.config.style_dim)
    if content.shape not in (expected, (1, *expected)):
        raise ValueError(f'Expected `content` of shape {expected}, but got {tuple(content.shape)}.')
    noise = random_noise(model, seed) if isinstance(noise, str) and noise == 'random' else noise
    return _variations(model, content.reshape(1, *expected), cutoff, count, seed, truncation, noise, batch, max_side)


def style_stack(model: StyleGan2, content: Tensor, *, cutoff: int, count: int = 50, **options) -> StyleStack:
    """Return the variations of :func:`style_variations` as evidence; it takes the same arguments."""
    return StyleStack.collect(style_variations(model, content, cutoff=cutoff, count=count, **options), count)


@torch.no_grad()
def _variations(model, content, cutoff, count, seed, truncation, noise, batch, max_side) -> Iterator[np.ndarray]:
    styles = random_styles(model, count, seed=seed, truncation=truncation)
    shared = model.synthesis.resume(model.synthesis.start(1), content, 0, cutoff, noise)
    for start in range(0, count, batch):
        mixed = mix_styles(content, styles[start : start + batch], cutoff)
        state = tuple(None if part is None else part.expand(len(mixed), -1, -1, -1) for part in shared)
        _, images = model.synthesis.resume(state, mixed, cutoff, model.num_layers, noise)
        if max_side is not None and images.shape[-1] > max_side:
            images = F.interpolate(images, size=(max_side, max_side), mode='area')
        yield to_pixels(images)
