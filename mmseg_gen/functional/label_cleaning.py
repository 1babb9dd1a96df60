"""Label maps of several classes cleaned up, and which of their pixels are in doubt. All ours.

Shape letters: K classes, ``(H, W)`` the image's size.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter

from .morphology import clean_mask


def clean_labels(labels: np.ndarray, min_component: float, fill_holes: bool, min_share: float) -> np.ndarray:
    """Return the labels without small components, and with background inside a class given to it, ``(H, W)``.

    Args:
        labels: Integers, 0 for background.
        min_component: Components below this share of their class's area become background, in [0, 1].
        fill_holes: Give background that a class encloses to the class, of several to the innermost; other classes stay.
        min_share: Classes below this share of the image become background, in [0, 1].
    """
    out = np.zeros_like(labels)
    for k in np.unique(labels[labels > 0]):
        mask = clean_mask(labels == k, min_component, fill_holes=False)
        if mask.mean() < min_share:
            continue
        out[mask] = k
    return _without_holes(out) if fill_holes else out


def _without_holes(labels: np.ndarray) -> np.ndarray:
    out, least = labels.copy(), np.full(labels.shape, np.inf)
    for k in np.unique(labels[labels > 0]):
        holes = clean_mask(labels == k) & (labels != k)
        _, parts, stats, _ = cv2.connectedComponentsWithStats(holes.astype(np.uint8), connectivity=4)
        # The hole of a class inside another's hole is the smaller one.
        area = np.where(holes, stats[parts, cv2.CC_STAT_AREA], np.inf)
        out[(labels == 0) & (area < least)] = k
        least = np.minimum(least, area)
    return out


def border_band(labels: np.ndarray, width: int) -> np.ndarray:
    """Return the pixels with another label at most ``width`` rows and columns away, bool ``(H, W)``."""
    if width == 0:
        return np.zeros(labels.shape, bool)
    side = 2 * width + 1
    return maximum_filter(labels, side, mode='nearest') != minimum_filter(labels, side, mode='nearest')


def narrow_lead(costs: np.ndarray, labels: np.ndarray, margin: float) -> np.ndarray:
    """Return the pixels where the probabilities of the label and of its best rival differ by less, bool ``(H, W)``.

    Args:
        costs: ``-log p`` of every label, ``(K + 1, H, W)``.
        labels: The labels chosen, ``(H, W)`` in [0, K].
        margin: In [0, 1]; 0 gives none.
    """
    probabilities = np.exp(-costs)
    own = np.take_along_axis(probabilities, labels[None], 0)[0]
    np.put_along_axis(probabilities, labels[None], -1.0, 0)
    return np.abs(own - probabilities.max(0)) < margin
