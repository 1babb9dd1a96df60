"""Boxes found and compared pixel by pixel: slow, and without any library."""

from __future__ import annotations

import numpy as np

Box = tuple[int, int, int, int]


def bounding_box(mask: np.ndarray) -> Box:
    """Return x1, y1, x2, y2, half-open, of all pixels of a mask that has some."""
    points = [(x, y) for y, row in enumerate(mask.tolist()) for x, value in enumerate(row) if value]
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs) + 1, max(ys) + 1


def largest_component_box(mask: np.ndarray) -> Box | None:
    """Return the box of the largest 8-connected component, by a flood fill; None for an empty mask."""
    left, best = {tuple(p) for p in np.argwhere(mask).tolist()}, []
    while left:
        queue, component = [left.pop()], []
        while queue:
            y, x = queue.pop()
            component.append((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            queue += near
        best = max(best, component, key=len)
    if not best:
        return None
    ys, xs = zip(*best, strict=True)
    return min(xs), min(ys), max(xs) + 1, max(ys) + 1


def box_overlap(a: Box, b: Box) -> float:
    """Return intersection over union of two boxes of whole pixels, counted cell by cell."""
    cells = [{(x, y) for x in range(x1, x2) for y in range(y1, y2)} for x1, y1, x2, y2 in (a, b)]
    return len(cells[0] & cells[1]) / len(cells[0] | cells[1])
