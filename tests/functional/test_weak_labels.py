"""Probabilities from boxes, points and scribbles against shortest paths found otherwise."""

from __future__ import annotations

import heapq

import numpy as np
import pytest

from mmseg_gen.functional.weak_labels import box_probability, point_marks, scribble_probability

SIZE = (7, 9)


def paths(image, marks, weight):
    """Dijkstra's algorithm with a heap, over the eight neighbours."""
    best = np.full(SIZE, np.inf)
    heap = [(0.0, y, x) for y, x in np.argwhere(marks)]
    while heap:
        cost, y, x = heapq.heappop(heap)
        if cost >= best[y, x]:
            continue
        best[y, x] = cost
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                v, u = y + dy, x + dx
                if (dy or dx) and 0 <= v < SIZE[0] and 0 <= u < SIZE[1]:
                    change = np.linalg.norm(image[y, x] / 255 - image[v, u] / 255)
                    heapq.heappush(heap, (cost + np.hypot(dy, dx) * (1 + weight * change), v, u))
    return best


def test_scribbles_compare_geodesic_distances():
    image = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8)
    foreground, background = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
    foreground[3, 2:5], background[0, 8], background[6, 6] = True, True, True
    found = scribble_probability(image, foreground, background, 4.0)
    near, far = paths(image, foreground, 4.0), paths(image, background, 4.0)
    assert np.allclose(found, far / (near + far), atol=1e-6)
    assert (found[foreground] == 1).all()
    assert (found[background] == 0).all()


def test_without_background_marks_the_border_counts():
    image = np.zeros((*SIZE, 3), np.uint8)
    found = scribble_probability(image, point_marks(SIZE, [(4, 3)], 0))
    border = np.ones(SIZE, bool)
    border[1:-1, 1:-1] = False
    assert (found[border] == 0).all()
    assert found[3, 4] == 1
    assert np.array_equal(found, scribble_probability(image, point_marks(SIZE, [(4, 3)], 0), border))
    assert (found[1:-1, 1:-1] > 0).all()


def test_boxes_are_ellipses_at_their_place():
    found = box_probability((40, 60), (10, 4, 50, 34), 1.0)
    rows, columns = np.nonzero(found > 0.5)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (4, 33, 10, 49)
    assert (found > 0.5).sum() == pytest.approx(np.pi / 4 * 40 * 30, rel=0.02)


def test_points_are_x_y():
    marks = point_marks(SIZE, [(8, 0)], radius=0)
    assert np.argwhere(marks).tolist() == [[0, 8]]


def test_marks_of_points_are_discs():
    points, found = [(2, 1), (6, 5)], point_marks(SIZE, [(2, 1), (6, 5)], radius=2)
    for y, x in np.ndindex(SIZE):
        assert found[y, x] == any(np.hypot(y - py, x - px) <= 2 for px, py in points)


def test_wrong_marks_are_refused():
    image, one = np.zeros((*SIZE, 3), np.uint8), point_marks(SIZE, [(4, 3)])
    with pytest.raises(ValueError, match='some pixels are both'):
        scribble_probability(image, one, one)
    with pytest.raises(ValueError, match=r'`foreground` marks of shape .*, at least one, but got 0 of shape'):
        scribble_probability(image, np.zeros(SIZE, bool))
    with pytest.raises(ValueError, match=r'`foreground` marks of shape .*got \(7,'):
        scribble_probability(image, np.ones((7, 2), bool))
    for empty in ((3, 0, 3, 4), (0, 4, 3, 4)):
        with pytest.raises(ValueError, match='x1 < x2'):
            box_probability(SIZE, empty, 1.0)
    with pytest.raises(ValueError, match='`box` inside the image'):
        box_probability(SIZE, (30, 30, 34, 34), 1.0)
    for point in ((9, 0), (0, 7), (-1, 0), (0, -1)):
        with pytest.raises(ValueError, match='`points` inside the image'):
            point_marks(SIZE, [point])


def test_marks_may_be_grey_levels():
    image, one, other = np.zeros((*SIZE, 3), np.uint8), point_marks(SIZE, [(4, 3)]), point_marks(SIZE, [(0, 0)])
    levels = one.astype(np.uint8) * 254
    assert np.array_equal(scribble_probability(image, levels, other), scribble_probability(image, one, other))
    # Bit by bit 254 and True have nothing in common.
    with pytest.raises(ValueError, match='some pixels are both'):
        scribble_probability(image, levels, one)
