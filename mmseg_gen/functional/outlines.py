"""Outlines of masks as polygons in the unit square, and how they differ (DiffusionSeg, Sec. 6.1.3).

Shape letters: P, Q vertices.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

SIMPLIFICATION = 0.01


def unit_polygon(mask: np.ndarray, simplification: float = SIMPLIFICATION) -> np.ndarray:
    """Return the outline of a mask's largest contour in the unit square, simplified, float32 ``(P, 2)``.

    OpenCV's outer contour, each axis scaled to [0, 1] by itself, then Douglas-Peucker [paper, Sec. 6.1.3]. An axis
    along which the contour has no extent is 0. Such an outline touches all four sides, so its length is at least
    2 sqrt(2) = 2.83; the paper's Tab. 2 has a mean of 2.78, so it cannot have been measured just so: compare numbers of
    one program only.

    Args:
        mask: Bool ``(H, W)``; an empty one has no vertex.
        simplification: Largest distance of a dropped vertex, in the unit square.

    Example:
        >>> mask = np.zeros((8, 9), bool)
        >>> mask[2:5, 1:7] = True
        >>> unit_polygon(mask).tolist()
        [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]
    """
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return np.zeros((0, 2), np.float32)
    points = max(contours, key=cv2.contourArea).reshape(-1, 2).astype(np.float32)
    low, high = points.min(0), points.max(0)
    unit = (points - low) / np.where(high > low, high - low, 1)
    return cv2.approxPolyDP(unit[:, None], simplification, closed=True).reshape(-1, 2)


def polygon_length(polygon: np.ndarray) -> float:
    """Return the length of a closed polygon ``(P, 2)``.

    Example:
        >>> polygon_length(np.array([[0, 0], [0, 1], [1, 1], [1, 0]]))
        4.0
    """
    steps = np.roll(polygon, -1, axis=0).astype(np.float64) - polygon
    return float(np.hypot(*steps.T).sum())


def chamfer_distance(polygon: np.ndarray, other: np.ndarray) -> float:
    """Return the sum over the vertices of either of the squared distance to the nearest of the other (Eq. 12).

    Args:
        polygon: ``(P, 2)``, at least one vertex.
        other: ``(Q, 2)``, likewise.

    Example:
        >>> chamfer_distance(np.array([[0, 0], [1, 0]]), np.array([[0, 0]]))
        1.0
    """
    steps = polygon[:, None].astype(np.float64) - other[None]
    squares = (steps**2).sum(-1)
    return float(squares.min(1).sum() + squares.min(0).sum())


def pair_distances(polygons: Sequence[np.ndarray], max_pairs: int = 20_000, seed: int = 0) -> np.ndarray:
    """Return the Chamfer distances of all pairs of outlines, or of ``max_pairs`` drawn at random if there are more.

    Args:
        polygons: ``(P, 2)`` each.
        max_pairs: Largest number of pairs, at least 1.
        seed: Seed of the drawing.
    """
    count = len(polygons)
    if count * (count - 1) // 2 <= max_pairs:
        pairs = np.stack(np.triu_indices(count, 1), -1)
    else:
        rng = np.random.default_rng(seed)
        first = rng.integers(0, count, max_pairs)
        # Shifted by 1 to N - 1, the second is any other than the first.
        pairs = np.stack([first, (first + rng.integers(1, count, max_pairs)) % count], -1)
    return np.array([chamfer_distance(polygons[i], polygons[j]) for i, j in pairs], np.float64)
