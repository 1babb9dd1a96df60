"""Exact masks of the embedded StyleGAN2's images."""

from __future__ import annotations

import torch
from torch import Tensor

from .cats import render_cats
from .stylegan import CONFIG, style_factors


@torch.no_grad()
def exact_parts(styles: Tensor, size: int = CONFIG.resolution) -> Tensor:
    """Return the parts of the cat, uint8 ``(N, S, S)``: 0 background, 1 fur, 2 eyes, 3 nose and mouth.

    They are those of the image that the network learned to draw for these styles: truncated ones, and mixed ones where
    the cutoff is 3, 7 or 8, where the network's groups of layers meet. At other cutoffs a group's styles are averaged,
    which the network was not taught.

    Args:
        styles: One w for each layer, ``(N, L, D)``.
        size: Side S.

    Raises:
        ValueError: ``styles`` have another shape.
    """
    layers, width = CONFIG.num_layers, CONFIG.style_dim
    if styles.ndim != 3 or styles.shape[1:] != (layers, width):
        raise ValueError(f'Expected `styles` of shape (N, {layers}, {width}), but got {tuple(styles.shape)}.')
    return render_cats(style_factors(styles.float()), size)[1]


def exact_masks(styles: Tensor, size: int = CONFIG.resolution) -> Tensor:
    """Return the cat's mask, uint8 ``(N, S, S)`` of 0 and 1; see :func:`exact_parts`."""
    return (exact_parts(styles, size) > 0).to(torch.uint8)
