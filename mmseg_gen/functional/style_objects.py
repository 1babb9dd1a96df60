"""Style mixing object by object: clusters inside each box, pasted back into one label map (Feng et al., Sec. 3.3).

Boxes are ``x1, y1, x2, y2`` in pixels, half-open. Shape letters: ``(H, W)`` the image, M boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .style_clustering import ClusterSettings, TooFewColors
from .style_foreground import FOUND, ForegroundSettings, StyleLabel, label_styles
from .style_stack import StyleStack

TOO_PLAIN = 'fewer colours than clusters'


@dataclass(frozen=True)
class ObjectLabels:
    """Label map of an image's objects.

    Attributes:
        labels: uint8 ``(H, W)``: 0 background, elsewhere the label of the object's box.
        outcomes: For each box 'found', 'no confident foreground', 'no confident background' or 'fewer colours than
            clusters'.
        uncertainty: Mean over the boxes found of :attr:`StyleLabel.uncertainty`, in [0, 1]; 1 where none was.
    """

    labels: np.ndarray
    outcomes: tuple[str, ...]
    uncertainty: float


def pixel_boxes(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the boxes grown to whole pixels and cut to the image, int64 ``(M, 4)``.

    Args:
        boxes: ``(M, 4)`` in pixels.
        size: H, W.

    Raises:
        ValueError: A box is not finite, has no area, or lies outside the image.

    Example:
        >>> pixel_boxes(np.array([[-2.0, 0.5, 3.2, 9.0]]), (6, 8)).tolist()
        [[0, 0, 4, 6]]
    """
    height, width = size
    found = []
    for box in np.asarray(boxes, np.float64).reshape(-1, 4):
        x1, y1, x2, y2 = box
        if not np.isfinite(box).all() or x1 >= x2 or y1 >= y2:
            raise ValueError(f'Expected `boxes` with x1 < x2 and y1 < y2, but got {box.tolist()}.')
        if x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
            raise ValueError(f'Expected `boxes` inside the image of {width} x {height} pixels, but got {box.tolist()}.')
        found.append([max(0, int(np.floor(x1))), max(0, int(np.floor(y1))),
                      min(width, int(np.ceil(x2))), min(height, int(np.ceil(y2)))])  # fmt: skip
    return np.array(found, np.int64).reshape(-1, 4)


def paste_instances(
    masks: Sequence[np.ndarray], boxes: np.ndarray, values: Sequence[int], size: tuple[int, int]
) -> np.ndarray:
    """Return a label map of objects that were labelled each in its box, uint8 ``(H, W)``.

    Where objects overlap, the one of the smaller box lies on top (ours): a lamp on a table is in the table's box.

    Args:
        masks: Bool ``(h, w)`` of each box.
        boxes: Whole pixels inside the image, ``(M, 4)``; see :func:`pixel_boxes`.
        values: Label of each object.
        size: H, W.

    Raises:
        ValueError: A mask has another size than its box.
    """
    labels: np.ndarray = np.zeros(size, np.uint8)
    sides = boxes[:, 2:] - boxes[:, :2]
    # Among equal boxes the first lies on top.
    for i in np.lexsort((-np.arange(len(boxes)), -sides.prod(1))):
        x1, y1, x2, y2 = boxes[i]
        if masks[i].shape != (y2 - y1, x2 - x1):
            raise ValueError(f'Expected a mask of {y2 - y1} x {x2 - x1} for box {i}, but got {masks[i].shape}.')
        labels[y1:y2, x1:x2][masks[i]] = values[i]
    return labels


def label_objects(
    stack: StyleStack, image: np.ndarray, clustering: ClusterSettings, foreground: ForegroundSettings
) -> ObjectLabels:
    """Return the label map of an image from its style stack, the clusters and the prior taken inside each box.

    Of several ``parts`` in the foreground settings all count as the object.

    Args:
        stack: With boxes.
        image: RGB uint8 ``(H, W, 3)``.
        clustering: How pixels are clustered.
        foreground: How clusters are chosen; corners and priors are those of the box.

    Raises:
        ValueError: The stack has no boxes, or one lies outside the image.
    """
    if stack.boxes is None or stack.box_labels is None:
        raise ValueError('Expected `stack` with boxes, but got none.')
    size = (image.shape[0], image.shape[1])
    boxes = pixel_boxes(stack.boxes, size)
    found = [_label_box(stack, image, box, clustering, foreground) for box in boxes]
    outcomes = tuple(TOO_PLAIN if label is None else label.outcome for label in found)
    masks = [
        np.zeros((y2 - y1, x2 - x1), bool) if label is None else label.labels > 0
        for (x1, y1, x2, y2), label in zip(boxes, found, strict=True)
    ]
    certain = [label.uncertainty for label in found if label is not None and label.outcome == FOUND]
    labels = paste_instances(masks, boxes, stack.box_labels.tolist(), size)
    return ObjectLabels(labels, outcomes, float(np.mean(certain)) if certain else 1.0)


def _label_box(
    stack: StyleStack, image: np.ndarray, box: np.ndarray, clustering: ClusterSettings, foreground: ForegroundSettings
) -> StyleLabel | None:
    """Return the label of the box's crop; None where it has fewer distinct pixels than clusters."""
    height, width = stack.images.shape[1:3]
    scales = np.array([width / image.shape[1], height / image.shape[0]] * 2)
    own = pixel_boxes((box * scales)[None], (height, width))[0]
    # Pixels of a smaller stack reach beyond the box: they are labelled as far as they reach, then cut to the box.
    outer = np.rint(own / scales).astype(np.int64)
    crop = StyleStack(np.ascontiguousarray(stack.images[:, own[1] : own[3], own[0] : own[2]]))
    try:
        label = label_styles(crop, np.ascontiguousarray(_cut(image, outer)), clustering, foreground)
    except TooFewColors:
        return None
    return replace(label, labels=_cut(label.labels, box - outer[[0, 1, 0, 1]]))


def _cut(array: np.ndarray, box: np.ndarray) -> np.ndarray:
    return array[box[1] : box[3], box[0] : box[2]]
