"""A binary mask fitted to the image's edges by the fast bilateral solver, as TokenCut does."""

from __future__ import annotations

import numpy as np

from .bilateral_solver import BilateralSettings, bilateral_solver
from .region_counts import mask_iou

# TokenCut's: every pixel of the mask is trusted alike, and an answer that departs from the mask is not.
CONFIDENCE = 0.999
MIN_IOU = 0.5


def solve_mask(image: np.ndarray, mask: np.ndarray, settings: BilateralSettings | None = None) -> np.ndarray:
    """Return where the solved mask exceeds one half, or the mask itself where the two have an IoU below 0.5.

    Args:
        image: RGB uint8 ``(H, W, 3)``.
        mask: Bool ``(H, W)``.
        settings: None for TokenCut's, made for images of some 500 pixels.
    """
    target = np.asarray(mask, np.float32)
    solved = bilateral_solver(image, target, np.full(target.shape, CONFIDENCE, np.float32), settings) > 0.5
    return solved if mask_iou(solved, mask) >= MIN_IOU else np.array(mask, bool)
