"""The whole resized self-attention matrix, by interpolation of both axes: slow and large, to test against."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def resized_attention(levels: list, size: tuple[int, int]) -> Tensor:
    """Return the symmetrised, row-normalised weighted mean of resized levels, ``(HW, HW)``."""
    total, weights = 0, sum(weight for weight, _, _ in levels)
    for weight, attention, (height, width) in levels:
        count = height * width
        keys = F.interpolate(attention.reshape(count, 1, height, width), size, mode='bilinear').reshape(count, -1)
        both = F.interpolate(keys.T.reshape(-1, 1, height, width), size, mode='bilinear').reshape(len(keys.T), -1).T
        total = total + weight / weights * both / both.sum(1, keepdim=True)
    return (total + total.T) / 2


def neighbor_entries(matrix: Tensor, size: tuple[int, int], steps: tuple) -> Tensor:
    """Return the entries between each pixel and its neighbours by a plain loop, ``(4, H, W)``, 0 outside."""
    height, width = size
    out = torch.zeros(len(steps), height, width, dtype=matrix.dtype)
    for k, (dy, dx) in enumerate(steps):
        for y in range(height):
            for x in range(width):
                if 0 <= y + dy < height and 0 <= x + dx < width:
                    out[k, y, x] = matrix[y * width + x, (y + dy) * width + x + dx]
    return out
