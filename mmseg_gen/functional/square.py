"""The square in the middle of a photograph, as generators of squares see it.

Boxes are ``x1, y1, x2, y2`` in pixels, half-open. Shape letters: M boxes.
"""

from __future__ import annotations

import numpy as np

Square = tuple[int, int, int]


def middle_square(size: tuple[int, int]) -> Square:
    """Return top, left and side of the largest square in the middle of an image.

    Args:
        size: Height and width.

    Example:
        >>> middle_square((4, 9))
        (0, 2, 4)
    """
    side = min(size)
    return (size[0] - side) // 2, (size[1] - side) // 2, side


def boxes_in_square(boxes: np.ndarray, square: Square, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the boxes of an image in pixels of its square, resized to ``side``, and which of them meet it.

    Args:
        boxes: ``(M, 4)``.
        square: From :func:`middle_square`.
        side: Side of the resized square in pixels.

    Returns:
        The boxes that meet the square, cut to it, float32 ``(K, 4)``; bool ``(M,)``.

    Example:
        >>> found, inside = boxes_in_square(np.array([[2.0, 0, 5, 4], [0, 0, 1, 1]]), (0, 2, 4), 8)
        >>> found.tolist(), inside.tolist()
        ([[0.0, 0.0, 6.0, 8.0]], [True, False])
    """
    top, left, length = square
    moved = (np.asarray(boxes, np.float64).reshape(-1, 4) - [left, top, left, top]).clip(0, length) * (side / length)
    inside = (moved[:, 0] < moved[:, 2]) & (moved[:, 1] < moved[:, 3])
    return moved[inside].astype(np.float32), inside
