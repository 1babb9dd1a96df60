"""Exact distances to a mask's edge."""

from __future__ import annotations

import cv2
import numpy as np


def inner_distance(mask: np.ndarray) -> np.ndarray:
    """Return each pixel's distance to the nearest pixel outside the mask, float32 ``(H, W)``; 0 outside.

    Between pixel centres, Euclidean, in pixels; the outside of the image counts for nothing. Correctly rounded up to
    500 pixels, so that a distance may be compared with a whole number; beyond that its last bits may be wrong.

    Args:
        mask: Bool ``(H, W)``, False somewhere.

    Example:
        >>> inner_distance(np.array([[True, True, False]])).tolist()
        [[2.0, 1.0, 0.0]]
    """
    distance = cv2.distanceTransform(np.asarray(mask, np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # OpenCV's last bits depend on where in memory the result lies. Squared distances are whole numbers.
    return np.sqrt(np.rint(distance.astype(np.float64) ** 2)).astype(np.float32)
