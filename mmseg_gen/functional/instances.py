"""Objects in a label map: connected components or whole classes, their boxes and outlines.

Shape letters: H, W the image; h, w the crop to an object's box.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

BACKGROUND, VOID = 0, 255
KINDS = ('component', 'class')


@dataclass(frozen=True)
class Instance:
    """One object.

    Attributes:
        label: Its value in the label map.
        mask: Bool ``(h, w)``, cropped to its box.
        box: Left, top, width, height in pixels.
    """

    label: int
    mask: np.ndarray
    box: tuple[int, int, int, int]

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int(np.count_nonzero(self.mask))


def find_instances(labels: np.ndarray, kind: str = 'component', min_area: int = 1) -> list[Instance]:
    """Return the objects of a label map by label, components from the top down; 0 and 255 (void) are none.

    Args:
        labels: Uint8 ``(H, W)``.
        kind: 'component': each 8-connected component of a label is an object; 'class': all pixels of a label
            are one.
        min_area: Objects of fewer pixels are left out.

    Raises:
        ValueError: ``labels`` is of another type or shape, or ``kind`` is another word.
    """
    if labels.dtype != np.uint8 or labels.ndim != 2:
        raise ValueError(f'Expected `labels` as uint8 (H, W), but got {labels.dtype} {labels.shape}.')
    if kind not in KINDS:
        raise ValueError(f'Expected `kind` from {", ".join(KINDS)}, but got {kind!r}.')
    found = []
    for label in np.flatnonzero(np.bincount(labels.ravel(), minlength=256)):
        if label in (BACKGROUND, VOID):
            continue
        parts = (labels == label).astype(np.uint8)
        if kind == 'component':
            count, parts, stats, _ = cv2.connectedComponentsWithStats(parts, connectivity=8)
            boxes = [tuple(map(int, stats[part, :4])) for part in range(1, count)]
        else:
            boxes = [tuple(map(int, cv2.boundingRect(parts)))]
        for part, (left, top, width, height) in enumerate(boxes, 1):
            crop = parts[top : top + height, left : left + width] == part
            found.append(Instance(int(label), crop, (left, top, width, height)))
    return [instance for instance in found if instance.area >= min_area]


def outline(mask: np.ndarray) -> np.ndarray:
    """Return the outer outline of one 8-connected component as a polygon, int ``(K, 2)`` of x, y, K >= 3.

    The corners are centres of boundary pixels, so that ``cv2.fillPoly`` gives the component back with its
    holes filled. Components of one or two pixels repeat a corner.

    Args:
        mask: Bool ``(h, w)`` with one component.

    Raises:
        ValueError: The mask has none, or more than one.
    """
    contours, _ = cv2.findContours(np.asarray(mask, np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if len(contours) != 1:
        raise ValueError(f'Expected `mask` with one component, but got {len(contours)}.')
    points = contours[0].reshape(-1, 2)
    missing = max(0, 3 - len(points))
    return np.concatenate([points, np.repeat(points[-1:], missing, axis=0)])
