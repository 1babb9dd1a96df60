import math

import cv2
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from mmseg_gen.functional.outlines import chamfer_distance, pair_distances, polygon_length, unit_polygon


def test_a_rectangle_is_the_unit_square():
    mask = np.zeros((40, 60), bool)
    mask[5:25, 10:50] = True
    polygon = unit_polygon(mask)
    assert sorted(polygon.tolist()) == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert polygon_length(polygon) == 4


def test_a_disc_has_the_length_of_a_circle_and_many_vertices():
    rows, columns = np.mgrid[:200, :300]
    polygon = unit_polygon(np.hypot(rows - 100, (columns - 150) / 1.4) < 90)
    assert polygon_length(polygon) == pytest.approx(math.pi, rel=0.02)
    assert 12 <= len(polygon) <= 40
    # Every vertex lies on the circle of diameter 1, give or take a pixel.
    assert np.hypot(*(polygon - 0.5).T) == pytest.approx(0.5, abs=0.01)


def test_simplification_keeps_every_point_near_the_outline():
    rng = np.random.default_rng(0)
    mask = cv2.GaussianBlur(rng.random((90, 120)).astype(np.float32), (0, 0), 6) > 0.5
    count, labels = cv2.connectedComponents(mask.astype(np.uint8))
    largest = labels == 1 + np.argmax([np.sum(labels == i) for i in range(1, count)])
    polygon = unit_polygon(largest).astype(float)
    every = unit_polygon(largest, simplification=0.0).astype(float)
    assert len(polygon) < len(every)
    ends = np.roll(polygon, -1, axis=0)
    for point in every:
        distances = []
        for start, end in zip(polygon, ends, strict=True):
            share = np.clip(np.dot(point - start, end - start) / max(np.dot(end - start, end - start), 1e-12), 0, 1)
            distances.append(np.linalg.norm(start + share * (end - start) - point))
        assert min(distances) <= 0.01 + 1e-6


def test_lines_and_points_stay_finite():
    line, point = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    line[4, 2:7] = True
    point[3, 3] = True
    assert np.isfinite(unit_polygon(line)).all()
    assert polygon_length(unit_polygon(line)) == 2
    assert unit_polygon(point).tolist() == [[0, 0]]
    assert polygon_length(unit_polygon(point)) == 0
    assert unit_polygon(np.zeros((9, 9), bool)).shape == (0, 2)


def test_chamfer_distance_equals_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.random((7, 2)), rng.random((11, 2))
    squares = cdist(a, b, 'sqeuclidean')
    assert chamfer_distance(a, b) == pytest.approx(squares.min(1).sum() + squares.min(0).sum())
    assert chamfer_distance(a, b) == pytest.approx(chamfer_distance(b, a))
    assert chamfer_distance(a, a) == 0


def test_pairs_are_all_of_them_or_a_seeded_draw():
    rng = np.random.default_rng(0)
    polygons = [rng.random((4, 2)) for _ in range(12)]
    every = [chamfer_distance(a, b) for i, a in enumerate(polygons) for b in polygons[i + 1 :]]
    assert sorted(pair_distances(polygons)) == pytest.approx(sorted(every))
    drawn = pair_distances(polygons, 50, seed=1)
    assert len(drawn) == 50
    assert drawn.min() > 0, 'an outline was paired with itself'
    assert set(drawn.round(9)) <= set(np.round(every, 9))
    assert (drawn == pair_distances(polygons, 50, seed=1)).all()
    assert pair_distances(polygons[:1]).size == 0
