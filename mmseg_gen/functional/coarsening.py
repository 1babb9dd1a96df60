"""Coarse masks of several kinds and degrees made from exact ones, and hard masks made soft: inputs of a refinement.

A coarse mask is a function of its mask, kind, degree and random generator.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from .confusion import edge_distance
from .region_counts import mask_iou

_HOLES = 3
_MAX_DEGREE = 64


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """Return the distance to the mask's edge in pixels, positive inside, float32 ``(H, W)``; never 0, inf without edge.

    The edge runs between pixels, one half away from those that it separates.

    Example:
        >>> signed_distance(np.array([[True, True, False]])).tolist()
        [[1.5, 0.5, -0.5]]
    """
    mask = np.asarray(mask, bool)
    distance = edge_distance(mask) - 0.5
    return np.where(mask, distance, -distance).astype(np.float32)


def soften_mask(mask: np.ndarray, width: float) -> np.ndarray:
    """Return foreground probabilities ``1 / (1 + exp(-distance / width))`` from the edge, float32 ``(H, W)``.

    A hard mask has no pixels in doubt, so nothing that a confusion band could hold.

    Args:
        mask: Bool ``(H, W)``.
        width: Pixels over which the probability rises from 0.5 to 0.73; more than 0.

    Raises:
        ValueError: ``width`` is not positive.
    """
    if not width > 0:
        raise ValueError(f'Expected `width` to be positive, but got {width}.')
    scaled = np.clip(signed_distance(mask) / width, -60, 60)
    return (1 / (1 + np.exp(-scaled))).astype(np.float32)


def erode(mask: np.ndarray, degree: int, rng: np.random.Generator) -> np.ndarray:
    """Return the pixels deeper than ``degree`` pixels inside the mask, bool ``(H, W)``."""
    return signed_distance(mask) > degree


def dilate(mask: np.ndarray, degree: int, rng: np.random.Generator) -> np.ndarray:
    """Return the mask and all pixels within ``degree`` of it, bool ``(H, W)``."""
    return signed_distance(mask) > -degree


def shift(mask: np.ndarray, degree: int, rng: np.random.Generator) -> np.ndarray:
    """Return the mask moved by ``degree`` pixels in a random direction, bool ``(H, W)``; what leaves is lost."""
    angle = rng.uniform(0, 2 * np.pi)
    move = np.array([[1, 0, degree * np.cos(angle)], [0, 1, degree * np.sin(angle)]], np.float32)
    height, width = mask.shape
    return cv2.warpAffine(np.asarray(mask, np.uint8), move, (width, height), flags=cv2.INTER_NEAREST) > 0


def punch_holes(mask: np.ndarray, degree: int, rng: np.random.Generator) -> np.ndarray:
    """Return the mask without some discs of radius ``degree`` around pixels of it, bool ``(H, W)``."""
    result = np.array(mask, bool)
    places = np.argwhere(result)
    if not len(places):
        return result
    rows, columns = np.indices(result.shape)
    for row, column in places[rng.choice(len(places), _HOLES)]:
        result &= (rows - row) ** 2 + (columns - column) ** 2 > degree**2
    return result


def lower_resolution(mask: np.ndarray, degree: int, rng: np.random.Generator) -> np.ndarray:
    """Return the mask seen on a grid of cells of ``degree`` pixels, its origin drawn at random, bool ``(H, W)``."""
    top, left = rng.integers(0, degree, 2)
    height, width = mask.shape
    rows, columns = -(-(height + top) // degree), -(-(width + left) // degree)
    padded = np.zeros((rows * degree, columns * degree))
    padded[top : top + height, left : left + width] = mask
    means = padded.reshape(rows, degree, columns, degree).mean((1, 3))
    grown = (means >= 0.5).repeat(degree, 0).repeat(degree, 1)
    return grown[top : top + height, left : left + width]


Coarsening = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
COARSENINGS: dict[str, Coarsening] = {
    'eroded': erode,
    'dilated': dilate,
    'holes': punch_holes,
    'shifted': shift,
    'low_resolution': lower_resolution,
}


def coarsen_mask(mask: np.ndarray, kind: str, max_iou: float, seed: int, min_iou: float = 0.0) -> np.ndarray:
    """Return the mask, made coarser degree by degree until its IoU with the exact one is at most ``max_iou``.

    The last mask before is returned where the next would be empty, fill the image, or fall below ``min_iou``.

    Args:
        mask: Exact, bool ``(H, W)``.
        kind: One of ``COARSENINGS``.
        max_iou: In (0, 1].
        seed: Decides direction, holes and origin, the same for every degree.
        min_iou: Least IoU, in [0, 1]; small masks lose much with one pixel.

    Raises:
        ValueError: Another kind, or ``max_iou`` is out of range.
    """
    if kind not in COARSENINGS:
        raise ValueError(f'Expected `kind` from {", ".join(COARSENINGS)}, but got {kind!r}.')
    if not 0 < max_iou <= 1:
        raise ValueError(f'Expected `max_iou` in (0, 1], but got {max_iou}.')
    mask = np.asarray(mask, bool)
    best = mask.copy()
    for degree in range(1, _MAX_DEGREE + 1):
        if mask_iou(best, mask) <= max_iou:
            break
        coarser = COARSENINGS[kind](mask, degree, np.random.default_rng(seed))
        if not coarser.any() or coarser.all() or mask_iou(coarser, mask) < min_iou:
            break
        best = coarser
    return best
