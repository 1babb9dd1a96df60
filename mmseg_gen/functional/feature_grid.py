"""Dense features of several kinds brought to one grid and weighed against one another."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

# Shorter vectors are not stretched to unit length; as in `F.normalize`.
_LEAST_LENGTH = 1e-12


def stack_features(maps: Sequence[Tensor], size: tuple[int, int], weights: Sequence[float] | None = None) -> Tensor:
    """Return unit vectors of each kind, scaled and side by side, ``(N, C1 + C2 + ..., H, W)``.

    The cosine of two stacked vectors is the mean of the kinds' cosines under the squared weights. Float32, without a
    gradient.

    Args:
        maps: Features ``(N, C_i, h_i, w_i)``.
        size: Height and width of the grid; bilinear.
        weights: One per kind; None for ones.

    Raises:
        ValueError: There is no map, or not one weight for each.
    """
    weights = [1.0] * len(maps) if weights is None else list(weights)
    if not maps or len(weights) != len(maps):
        raise ValueError(
            f'Expected one of `weights` for each of at least one map, but got {weights}, {len(maps)} maps.'
        )
    channels = [m.shape[1] for m in maps]
    # A pixel's channels side by side in memory, here and below: resizing and normalising took 8 and 13 times as long
    # otherwise. Large features are bound by memory, so each kind is written once, in its place.
    shape = (len(maps[0]), sum(channels), *size)
    stacked = torch.empty(shape, device=maps[0].device, memory_format=torch.channels_last)
    for target, weight, kind in zip(stacked.split(channels, 1), weights, maps, strict=True):
        resized = resize_features(kind, size)
        length = torch.linalg.vector_norm(resized, dim=1, keepdim=True).clamp_min(_LEAST_LENGTH)
        torch.div(resized, length, out=target) if weight == 1 else torch.mul(resized, weight / length, out=target)
    return stacked


def resize_features(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Return features on another grid, bilinear, float32 ``(N, C, H, W)``, a pixel's channels side by side in memory.

    Args:
        maps: ``(N, C, h, w)``; without a gradient afterwards.
        size: H and W.
    """
    maps = maps.detach().float().contiguous(memory_format=torch.channels_last)
    if tuple(maps.shape[-2:]) == tuple(size):
        return maps
    return F.interpolate(maps, size, mode='bilinear', align_corners=False)


def position_maps(size: tuple[int, int], count: int) -> Tensor:
    """Return the directions in which pixels are seen, ``(count, 3, H, W)``: the farther two, the smaller their cosine.

    Args:
        size: H and W; the image's middle is straight ahead, as far away as the longer side is long.
        count: Number of images.
    """
    longer = max(size)
    rows, columns = torch.meshgrid(*((torch.arange(side) + 0.5 - side / 2) / longer for side in size), indexing='ij')
    flat = torch.stack([rows, columns, torch.ones(size)])
    return F.normalize(flat, dim=0).expand(count, -1, -1, -1)


def color_maps(images: Tensor) -> Tensor:
    """Return colours whose cosine tells brightness apart too, ``(N, 4, H, W)``.

    Args:
        images: RGB in [-1, 1], ``(N, 3, H, W)``.
    """
    return torch.cat([images, torch.ones_like(images[:, :1])], 1)
