"""Between the attention's grid and the image's: sizes, resizing and colours."""

from __future__ import annotations

import cv2
import numpy as np

COLOR_SPACES = ('lab', 'rgb')
# OpenCV's area mean takes no more channels, and drops the axis of a single one.
_CHANNELS = (2, 3, 4)


def check_image(image: np.ndarray) -> None:
    """Refuse anything but a non-empty RGB uint8 image.

    Raises:
        TypeError: ``image`` is not a uint8 array.
        ValueError: Its shape is not ``(H, W, 3)`` with H, W >= 1.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        raise TypeError(
            f'Expected `image` to be a uint8 array, but got {getattr(image, "dtype", type(image).__name__)}.'
        )
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f'Expected `image` of shape (H, W, 3), but got {image.shape}.')


def resize_map(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a float map or an image at another size: area mean where both sides shrink, else bilinear.

    Args:
        array: ``(H, W)`` or ``(H, W, C)`` of any C, float32 or uint8.
        size: New height and width.
    """
    if array.shape[:2] == tuple(size):
        return array.copy()
    if array.ndim == 3 and array.shape[2] not in _CHANNELS:
        return np.stack([resize_map(np.ascontiguousarray(plane), size) for plane in np.moveaxis(array, 2, 0)], 2)
    shrinks = size[0] <= array.shape[0] and size[1] <= array.shape[1]
    return cv2.resize(array, (size[1], size[0]), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def resize_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the bool mask at another size: where its resized indicator exceeds one half."""
    return resize_map(np.asarray(mask, np.float32), size) > 0.5


def resize_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return labels at another size: the one whose resized indicator is largest, of equal ones the lowest.

    For one label besides 0 that is :func:`resize_mask`.

    Args:
        labels: Integers ``(H, W)``; their type is kept.
        size: New height and width.
    """
    present = np.unique(labels)
    shares = np.stack([resize_map((labels == value).astype(np.float32), size) for value in present])
    return present[shares.argmax(0)]


def limited_size(size: tuple[int, int], max_side: int | None) -> tuple[int, int]:
    """Return height and width with the longer side at most ``max_side``, same aspect ratio, each at least 1.

    Example:
        >>> limited_size((100, 8000), 1024)
        (13, 1024)
    """
    if max_side is None or max(size) <= max_side:
        return size
    factor = max_side / max(size)
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def color_planes(image: np.ndarray, space: str = 'lab') -> np.ndarray:
    """Return the image's colours, float32 ``(H, W, 3)``.

    Args:
        image: RGB uint8 ``(H, W, 3)``.
        space: 'lab' for CIELAB / 100 (lightness in [0, 1], about one just noticeable difference per 0.02),
            'rgb' for RGB in [0, 1].

    Raises:
        ValueError: ``space`` is another word.
    """
    if space not in COLOR_SPACES:
        raise ValueError(f'Expected `color_space` from {", ".join(COLOR_SPACES)}, but got {space!r}.')
    rgb = image.astype(np.float32) / 255
    return rgb if space == 'rgb' else cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB) / 100
