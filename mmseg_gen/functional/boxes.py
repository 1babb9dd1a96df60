"""Boxes of masks and how well they meet others.

Boxes are ``x1, y1, x2, y2`` in pixels, half-open: a single pixel at the origin is ``0, 0, 1, 1``.
Shape letters: N, M boxes, Q queries of a detector, K classes.
"""

from __future__ import annotations

from typing import NamedTuple

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

    Raises:
        ValueError: A box is not finite or has no area.
    """
    mask: np.ndarray = np.zeros(size, bool)
    rows, columns = (np.arange(side) + 0.5 for side in size)
    for x1, y1, x2, y2 in _checked('boxes', boxes):
        mask |= ((rows >= y1) & (rows < y2))[:, None] & ((columns >= x1) & (columns < x2))[None]
    return mask


class ChosenBoxes(NamedTuple):
    """Boxes ``(M, 4)`` float32, classes ``(M,)`` int64 from 0 on, scores ``(M,)`` float32; the best first."""

    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray


def corners_of_centers(boxes: np.ndarray, scale: tuple[float, float]) -> np.ndarray:
    """Return the corners of boxes that are given by their centres, in pixels, ``(N, 4)``.

    Args:
        boxes: Centre x, centre y, width, height, in shares of ``scale``.
        scale: Width and height in pixels.

    Example:
        >>> corners_of_centers(np.array([[0.5, 0.5, 0.5, 1.0]]), (8, 4)).tolist()
        [[2.0, 0.0, 6.0, 4.0]]
    """
    centers, halves = boxes[:, :2], boxes[:, 2:] / 2
    return np.concatenate([centers - halves, centers + halves], 1) * [*scale, *scale]


def choose_boxes(
    boxes: np.ndarray,
    scores: np.ndarray,
    size: tuple[int, int],
    threshold: float,
    overlap: float,
    max_boxes: int | None = None,
) -> ChosenBoxes:
    """Return the boxes that a detector is sure of: each its best class, cut to the image, the best of those on top.

    Args:
        boxes: Corners in pixels, ``(Q, 4)``; boxes without area inside the image are left out.
        scores: In [0, 1], ``(Q, K)``.
        size: H, W of the image.
        threshold: Smallest score.
        overlap: Of two boxes of one class whose IoU is above this, the worse is left out.
        max_boxes: The best so many of all; None for all.
    """
    limits = np.array([size[1], size[0]] * 2, np.float64)
    cut = np.clip(np.asarray(boxes, np.float64), 0, limits)
    labels, best = scores.argmax(1), scores.max(1)
    solid = (cut[:, 0] < cut[:, 2]) & (cut[:, 1] < cut[:, 3]) & (best >= threshold)
    kept: list[int] = []
    for i in np.argsort(-best, kind='stable'):
        rivals = [j for j in kept if labels[j] == labels[i]]
        if solid[i] and (not rivals or box_iou(cut[[i]], cut[rivals]).max() <= overlap):
            kept.append(int(i))
    chosen = kept[:max_boxes]
    return ChosenBoxes(cut[chosen].astype(np.float32), labels[chosen].astype(np.int64), best[chosen].astype(np.float32))


def _checked(name: str, boxes: np.ndarray) -> np.ndarray:
    boxes = np.asarray(boxes, np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f'Expected `{name}` of shape (N, 4), but got {boxes.shape}.')
    if not np.isfinite(boxes).all() or not (boxes[:, 2:] > boxes[:, :2]).all():
        wrong = boxes[~(np.isfinite(boxes).all(1) & (boxes[:, 2:] > boxes[:, :2]).all(1))][0]
        raise ValueError(f'Expected `{name}` with x1 < x2 and y1 < y2, but got {wrong.tolist()}.')
    return boxes
