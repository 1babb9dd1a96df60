"""Lay a mask over its image."""

from __future__ import annotations

import cv2
import numpy as np

ORANGE = (255, 96, 0)


def overlay_mask(
    image: np.ndarray,
    mask: np.ndarray,
    *,
    color: tuple[int, int, int] = ORANGE,
    opacity: float = 0.5,
    outline: bool = True,
) -> np.ndarray:
    """Return the image with the masked pixels tinted and the mask's inner boundary in full colour.

    Args:
        image: ``(H, W, 3)`` uint8 RGB; left as it is.
        mask: ``(H, W)`` bool.
        color: RGB of the tint, 0 to 255.
        opacity: Share of the tint inside the mask, in [0, 1].
        outline: Whether to draw the boundary.

    Raises:
        ValueError: The mask has another size than the image, or ``opacity`` is outside [0, 1].
    """
    if mask.shape != image.shape[:2]:
        raise ValueError(f"Expected `mask` of the image's size {image.shape[:2]}, but got {mask.shape}.")
    if not 0 <= opacity <= 1:
        raise ValueError(f'Expected `opacity` in [0, 1], but got {opacity}.')
    inside = mask.astype(bool)
    result = image.copy()
    tint = np.asarray(color, np.float32)
    result[inside] = np.round((1 - opacity) * image[inside] + opacity * tint).astype(np.uint8)
    if outline:
        width = max(1, round(max(mask.shape) / 400))
        result[inside & ~_eroded(inside, width)] = color
    return result


def _eroded(mask: np.ndarray, width: int) -> np.ndarray:
    kernel = np.ones((2 * width + 1,) * 2, np.uint8)
    return cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1).astype(bool)
