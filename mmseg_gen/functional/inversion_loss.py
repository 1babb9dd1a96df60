"""What the optimisation of a GAN's latents minimises, and how fast (Karras et al., CVPR 2020, App. D)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

_SMALLEST_NOISE = 8


def pixel_loss(images: Tensor, targets: Tensor, scales: int) -> Tensor:
    """Return the mean squared difference, averaged over scales that halve by 2 x 2 means, ``(N,)``.

    Scales below one pixel are left out.
    """
    losses = []
    for _ in range(scales):
        losses.append((images - targets).square().mean((1, 2, 3)))
        if min(images.shape[2:]) < 2:
            break
        images, targets = F.avg_pool2d(images, 2), F.avg_pool2d(targets, 2)
    return torch.stack(losses).mean(0)


def feature_loss(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Return the squared distance of features of unit length, averaged over places and over maps, ``(N,)``.

    Zhang et al. (CVPR 2018), Eq. 1, without its learned weights; in [0, 4].

    Args:
        found: Maps ``(N, C, H, W)`` of any channels and sizes.
        wanted: Maps of the same shapes.
    """
    pairs = zip(found, wanted, strict=True)
    squares = [(F.normalize(a, dim=1) - F.normalize(b, dim=1)).square().sum(1).mean((1, 2)) for a, b in pairs]
    return torch.stack(squares).mean(0)


def noise_autocorrelation(noise: Tensor) -> Tensor:
    """Return the squared mean products of neighbours over scales from the map's own down to 8, ``(N,)`` (App. D).

    Args:
        noise: ``(N, 1, h, w)``. Each coarser scale is the mean of 2 x 2, times 2 to keep the variance.
    """
    total = noise.new_zeros(len(noise))
    while True:
        for axis in (2, 3):
            total = total + (noise * noise.roll(1, axis)).mean((1, 2, 3)).square()
        if noise.shape[2] <= _SMALLEST_NOISE:
            return total
        noise = 2 * F.avg_pool2d(noise, 2)


def rate_factor(step: int, steps: int) -> float:
    """Return the share of the learning rate at a step in [0, steps): a linear rise, then a cosine fall (App. D)."""
    time = (step + 0.5) / steps
    fall = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - time) / 0.25))
    return fall * min(1.0, time / 0.05)
