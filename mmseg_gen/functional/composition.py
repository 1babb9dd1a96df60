"""One image laid over another by a hard mask, as masks are shown in Feng et al., Fig. 8."""

from __future__ import annotations

import numpy as np

from .canvas import check_image


def compose_images(foreground: np.ndarray, mask: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Return the foreground where the mask is true and the background elsewhere, without feathering.

    Args:
        foreground: RGB uint8 ``(H, W, 3)``.
        mask: Bool ``(H, W)``.
        background: RGB uint8 ``(H, W, 3)``.

    Raises:
        TypeError: An image is not uint8, or the mask not bool.
        ValueError: The sizes differ.

    Example:
        >>> white, black = np.full((1, 2, 3), 255, np.uint8), np.zeros((1, 2, 3), np.uint8)
        >>> compose_images(white, np.array([[True, False]]), black)[0, :, 0].tolist()
        [255, 0]
    """
    check_image(foreground)
    check_image(background)
    if mask.dtype != bool:
        raise TypeError(f'Expected `mask` to be bool, but got {mask.dtype}.')
    if foreground.shape != background.shape or mask.shape != foreground.shape[:2]:
        raise ValueError(
            f'Expected `mask` and `background` of the size of `foreground` {foreground.shape[:2]}, but got '
            f'{mask.shape} and {background.shape[:2]}.'
        )
    return np.where(mask[..., None], foreground, background)
