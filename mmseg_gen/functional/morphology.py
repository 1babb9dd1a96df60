"""Clean-up of binary masks: holes filled, small components dropped."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import binary_fill_holes


def clean_mask(mask: np.ndarray, min_component: float = 0.0, fill_holes: bool = True) -> np.ndarray:
    """Return the mask with its holes filled and its small components dropped, bool ``(H, W)``.

    Args:
        mask: Bool ``(H, W)``.
        min_component: Components (8-connected) below this share of the mask's own area go, in [0, 1]; the
            largest stays.
        fill_holes: Fill background regions that do not reach the border (4-connected), before components are
            measured.

    Raises:
        ValueError: ``min_component`` is outside [0, 1].

    Example:
        >>> clean_mask(np.array([[1, 1, 0, 1]], bool), min_component=0.5)
        array([[ True,  True, False, False]])
    """
    if not 0 <= min_component <= 1:
        raise ValueError(f'Expected `min_component` in [0, 1], but got {min_component}.')
    out = binary_fill_holes(mask) if fill_holes else np.array(mask, bool)
    if min_component == 0 or not out.any():
        return out
    _, labels, stats, _ = cv2.connectedComponentsWithStats(out.astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    areas[0] = 0
    keep = areas >= min_component * areas.sum()
    keep[areas.argmax()] = True
    keep[0] = False
    return keep[labels]


def drop_faint_components(mask: np.ndarray, scores: np.ndarray, ratio: float) -> np.ndarray:
    """Return the mask without components whose mean score is below a share of the best, bool ``(H, W)``.

    Args:
        mask: Bool ``(H, W)``; components are 8-connected.
        scores: ``(H, W)``, 0 or more.
        ratio: That share in [0, 1]; 0 keeps all, 1 the best alone.

    Raises:
        ValueError: ``ratio`` is outside [0, 1].
    """
    if not 0 <= ratio <= 1:
        raise ValueError(f'Expected `ratio` in [0, 1], but got {ratio}.')
    # OpenCV crashes on an array without pixels.
    if ratio == 0 or not np.any(mask):
        return np.array(mask, bool)
    count, labels = cv2.connectedComponents(np.asarray(mask, np.uint8), connectivity=8)
    if count < 3:
        return np.array(mask, bool)
    means = np.bincount(labels.ravel(), scores.ravel(), count) / np.bincount(labels.ravel(), minlength=count)
    keep = means >= ratio * means[1:].max()
    keep[0] = False
    return keep[labels]


def largest_component(mask: np.ndarray) -> np.ndarray:
    """Return the largest 8-connected component, bool ``(H, W)``; of equal ones the first, of none none."""
    # OpenCV crashes on an array without pixels.
    if not np.any(mask):
        return np.zeros(np.shape(mask), bool)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(np.asarray(mask, np.uint8), connectivity=8)
    return labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()


def inner_boundary(mask: np.ndarray) -> np.ndarray:
    """Return the pixels of the mask with a 4-neighbour in the image outside the mask, bool ``(H, W)``."""
    padded = np.pad(np.asarray(mask, bool), 1, mode='edge')
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return padded[1:-1, 1:-1] & ~inside
