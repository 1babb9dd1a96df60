"""Label maps cleaned up by hand, and pixels in doubt by loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mmseg_gen.functional.label_cleaning import border_band, clean_labels, narrow_lead
from mmseg_gen.functional.multiclass import label_costs


@pytest.mark.parametrize('turns', range(4))
@pytest.mark.parametrize('width', [0, 1, 2, 5])
def test_the_band_is_that_of_loops(width, turns):
    labels = np.random.default_rng(0).choice([0, 0, 0, 4], (9, 9))[:7]
    labels[:4] = 2
    # Each side of the uniform part is a border once.
    labels = np.rot90(labels, turns)
    expected = np.zeros(labels.shape, bool)
    for y, x in np.ndindex(labels.shape):
        window = labels[max(0, y - width) : y + width + 1, max(0, x - width) : x + width + 1]
        expected[y, x] = (window != labels[y, x]).any()
    assert np.array_equal(border_band(labels, width), expected)


def test_a_narrow_lead_is_that_of_loops():
    rng = np.random.default_rng(0)
    u, labels = rng.uniform(0.1, 0.9, (2, 5, 6)), rng.integers(0, 3, (5, 6))
    costs = label_costs(u)
    for margin in (0.0, 0.1, 0.4):
        got = narrow_lead(costs, labels, margin)
        for y, x in np.ndindex(labels.shape):
            p = [math.exp(-c) for c in costs[:, y, x]]
            own = p.pop(labels[y, x])
            assert got[y, x] == (abs(own - max(p)) < margin)


def test_clean_up_of_labels():
    labels = np.zeros((8, 12), np.int64)
    labels[1:6, 1:6] = 1
    labels[3, 3] = 0  # a hole
    labels[2, 4] = 2  # another class inside, small
    labels[1:7, 8:11] = 2
    labels[7, 0] = 1  # a crumb
    out = clean_labels(labels, 0.1, True, 0.0)
    expected = labels.copy()
    expected[3, 3], expected[2, 4], expected[7, 0] = 1, 1, 0
    assert np.array_equal(out, expected)
    assert not (clean_labels(labels, 0.1, True, 0.22) == 2).any()
    kept = clean_labels(labels, 0.0, True, 0.0)
    assert kept[2, 4] == 2


@pytest.mark.parametrize('ids', [(1, 2), (2, 1)])
def test_a_hole_inside_two_classes_goes_to_the_inner_one(ids):
    outer, inner = ids
    labels = np.zeros((11, 16), np.int64)
    labels[1:10, 1:10], labels[2:9, 2:9] = outer, 0  # a ring
    labels[3:8, 3:8], labels[4:7, 4:7] = inner, 0  # another inside
    labels[2:7, 12:15] = inner  # so that the inner class is the larger one
    labels[8:10, 11:16] = inner
    expected = labels.copy()
    expected[2:9, 2:9], expected[3:8, 3:8] = outer, inner
    assert np.array_equal(clean_labels(labels, 0.0, True, 0.0), expected)
