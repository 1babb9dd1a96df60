"""Boxes of masks and how well they meet others.

Boxes are ``x1, y1, x2, y2`` in pixels, half-open: a single pixel at the origin is ``0, 0, 1, 1``.
Shape letters: N, M boxes.
"""

from __future__ import annotations

import numpy as np

from .morphology import largest_component


def mask_box(mask: np.ndarray) -> np.ndarray | None:
    """Return the tight box of a mask, float32 ``(4,)``, or None of an empty one.

    Args:
        mask: Bool ``(H, W)``.

    Example:
        >>> mask_box(np.array([[False, False, False], [False, True, True]])).tolist()
        [1.0, 1.0, 3.0, 2.0]
    """
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    if not len(rows):
        return None
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)


def largest_component_box(mask: np.ndarray) -> np.ndarray | None:
    """Return the tight box of the largest 8-connected component, float32 ``(4,)``, or None of an empty mask.

    Args:
        mask: Bool ``(H, W)``.
    """
    return mask_box(largest_component(mask))


def box_iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the intersection over union of each pair of boxes, float64 ``(N, M)`` in [0, 1].

    Args:
        boxes: ``(N, 4)``.
        others: ``(M, 4)``.

    Raises:
        ValueError: A box is not finite or has no area.

    Example:
        >>> box_iou(np.array([[0, 0, 2, 2]]), np.array([[1, 0, 3, 2]])).round(3).tolist()
        [[0.333]]
    """
    boxes, others = _checked('boxes', boxes), _checked('others', others)
    top = np.maximum(boxes[:, None, :2], others[None, :, :2])
    bottom = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = np.clip(bottom - top, 0, None).prod(-1)
    areas, other_areas = ((b[:, 2:] - b[:, :2]).prod(-1) for b in (boxes, others))
    return common / (areas[:, None] + other_areas[None] - common)


def box_mask(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the pixels whose centre lies in any of the boxes, bool ``(H, W)``.

    Args:
        boxes: ``(N, 4)``; parts outside the image are cut off.
        size: H, W.
    """
    mask: np.ndarray = np.zeros(size, bool)
    rows, columns = (np.arange(side) + 0.5 for side in size)
    for x1, y1, x2, y2 in _checked('boxes', boxes):
        mask |= ((rows >= y1) & (rows < y2))[:, None] & ((columns >= x1) & (columns < x2))[None]
    return mask


def _checked(name: str, boxes: np.ndarray) -> np.ndarray:
    boxes = np.asarray(boxes, np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f'Expected `{name}` of shape (N, 4), but got {boxes.shape}.')
    if not np.isfinite(boxes).all() or not (boxes[:, 2:] > boxes[:, :2]).all():
        wrong = boxes[~(np.isfinite(boxes).all(1) & (boxes[:, 2:] > boxes[:, :2]).all(1))][0]
        raise ValueError(f'Expected `{name}` with x1 < x2 and y1 < y2, but got {wrong.tolist()}.')
    return boxes
