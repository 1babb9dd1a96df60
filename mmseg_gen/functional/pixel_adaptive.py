"""PAMR: probabilities averaged over neighbours of like colour (Araslanov and Roth, CVPR 2020, Sec. 3.3).

Shape letters: K neighbours, eight for each dilation.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_OFFSETS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]


@dataclass(frozen=True)
class PamrSettings:
    """Settings of PAMR; the dilations are the authors'.

    Attributes:
        iterations: How often to average.
        dilations: Distances of the rings of eight neighbours in pixels.

    Raises:
        ValueError: A value is below 1.
    """

    iterations: int = 10
    dilations: tuple[int, ...] = (1, 2, 4, 8, 12, 24)

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise ValueError(f'Expected `iterations` to be 1 or more, but got {self.iterations}.')
        if not self.dilations or min(self.dilations) < 1:
            raise ValueError(f'Expected `dilations` of 1 or more pixels, but got {self.dilations}.')


def pixel_adaptive_refinement(image: Tensor, maps: Tensor, settings: PamrSettings | None = None) -> Tensor:
    """Return maps averaged over neighbours, ``(C, H, W)``; weights sum to 1, so constants and sums over C stay.

    A neighbour's weight is the softmax over the K neighbours of ``-mean_c |I_c - I_c'| / (0.1 sigma_c)``, sigma the
    deviation of a colour over the neighbours. Beyond the border lies the border's pixel.

    Args:
        image: RGB in [0, 1], ``(3, H, W)``.
        maps: ``(C, H, W)``.
        settings: None for the defaults.

    Raises:
        ValueError: The sizes differ.
    """
    settings = settings or PamrSettings()
    if image.shape[1:] != maps.shape[1:]:
        raise ValueError(f'Expected `maps` of the size {tuple(image.shape[1:])}, but got {tuple(maps.shape[1:])}.')
    around = _neighbors(image, settings.dilations)
    deviation = around.std(1, keepdim=True)
    distance = (around - image[:, None]).abs() / (1e-8 + 0.1 * deviation)
    weights = (-distance.mean(0)).softmax(0)
    for _ in range(settings.iterations):
        maps = torch.stack([(_neighbors(m[None], settings.dilations)[0] * weights).sum(0) for m in maps])
    return maps


def _neighbors(maps: Tensor, dilations: tuple[int, ...]) -> Tensor:
    """Return the neighbours of every pixel, ``(C, K, H, W)``."""
    reach = max(dilations)
    padded = F.pad(maps[None], (reach,) * 4, mode='replicate')[0]
    height, width = maps.shape[1:]
    found = []
    for dilation in dilations:
        for dy, dx in _OFFSETS:
            top, left = reach + dy * dilation, reach + dx * dilation
            found.append(padded[:, top : top + height, left : left + width])
    return torch.stack(found, 1)
