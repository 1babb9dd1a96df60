"""Dense features of several kinds brought to one grid and weighed against one another."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def stack_features(maps: Sequence[Tensor], size: tuple[int, int], weights: Sequence[float] | None = None) -> Tensor:
    """Return unit vectors of each kind, scaled and side by side, ``(N, C1 + C2 + ..., H, W)``.

    The cosine of two stacked vectors is the mean of the kinds' cosines under the squared weights.

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
    resized = [F.interpolate(m.float(), size, mode='bilinear', align_corners=False) for m in maps]
    return torch.cat([weight * F.normalize(m, dim=1) for weight, m in zip(weights, resized, strict=True)], 1)


def position_maps(size: tuple[int, int], count: int) -> Tensor:
    """Return places on a quarter of a sphere, ``(count, 3, H, W)``: the farther two pixels, the smaller their cosine.

    Args:
        size: H and W; the longer side spans the range.
        count: Number of images.
    """
    longer = max(size)
    rows, columns = torch.meshgrid(*(torch.arange(side) / longer - side / longer / 2 for side in size), indexing='ij')
    flat = torch.stack([rows, columns, torch.ones(size)])
    return F.normalize(flat, dim=0).expand(count, -1, -1, -1)


def color_maps(images: Tensor) -> Tensor:
    """Return colours whose cosine tells brightness apart too, ``(N, 4, H, W)``.

    Args:
        images: RGB in [-1, 1], ``(N, 3, H, W)``.
    """
    return torch.cat([images, torch.ones_like(images[:, :1])], 1)
