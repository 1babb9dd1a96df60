"""The boundary F-measure: how well two contours lie on one another (Martin et al. 2004; DAVIS, CVPR 2016)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .distances import inner_distance
from .morphology import inner_boundary


class BoundaryScore(NamedTuple):
    """Precision, recall and their harmonic mean, in [0, 1]."""

    precision: float
    recall: float
    f_measure: float


def tolerance_in_pixels(tolerance: float, size: tuple[int, int]) -> float:
    """Return a tolerance in pixels; below 1 it is a share of the image's diagonal, rounded up (DAVIS: 0.008).

    Args:
        tolerance: Above 0.
        size: H, W.

    Raises:
        ValueError: ``tolerance`` is not above 0.

    Example:
        >>> tolerance_in_pixels(0.008, (300, 400)), tolerance_in_pixels(2, (300, 400))
        (4.0, 2.0)
    """
    if not 0 < tolerance < math.inf:
        raise ValueError(f'Expected `tolerance` above 0, but got {tolerance}.')
    return float(math.ceil(tolerance * math.hypot(*size))) if tolerance < 1 else float(tolerance)


def boundary_score(prediction: np.ndarray, truth: np.ndarray, tolerance: float) -> BoundaryScore:
    """Return how much of either contour lies within a distance of the other.

    A contour is the mask's pixels with a 4-neighbour outside it; the border of the image is none. Precision is
    the share of the prediction's contour within ``tolerance`` of the truth's, recall the reverse. Where either has no
    contour, all are 1 if the masks are the same and 0 if not (ours; DAVIS has 1 for a full mask against an empty one).

    Args:
        prediction: Bool ``(H, W)``.
        truth: Bool ``(H, W)``.
        tolerance: Euclidean, in pixels, or a share of the diagonal: see :func:`tolerance_in_pixels`.

    Raises:
        TypeError: A mask is not bool.
        ValueError: The shapes differ, there is no pixel, or ``tolerance`` is not above 0.
    """
    for name, mask in (('prediction', prediction), ('truth', truth)):
        if mask.dtype != bool:
            raise TypeError(f'Expected `{name}` to be a bool array, but got {mask.dtype}.')
    if prediction.shape != truth.shape or truth.ndim != 2 or not truth.size:
        raise ValueError(f'Expected two masks of one size, but got {prediction.shape} and {truth.shape}.')
    radius = tolerance_in_pixels(tolerance, truth.shape)
    found, wanted = inner_boundary(prediction), inner_boundary(truth)
    if not found.any() or not wanted.any():
        score = float((prediction == truth).all())
        return BoundaryScore(score, score, score)
    precision, recall = _share_near(found, wanted, radius), _share_near(wanted, found, radius)
    both = precision + recall
    return BoundaryScore(precision, recall, 2 * precision * recall / both if both else 0.0)


def _share_near(contour: np.ndarray, other: np.ndarray, radius: float) -> float:
    return float((inner_distance(~other)[contour] <= radius).mean())
