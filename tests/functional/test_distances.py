"""Distances to a mask's edge: whole numbers under the root, wherever in memory they are made."""

from __future__ import annotations

import itertools
import math

import cv2
import numpy as np
import pytest

from mmseg_gen.functional.distances import inner_distance


def nearest_outside(mask):
    """Return the distances by looking at every pixel outside."""
    outside = [(y, x) for y, x in itertools.product(*map(range, mask.shape)) if not mask[y, x]]
    result = np.zeros(mask.shape, np.float32)
    for y, x in itertools.product(*map(range, mask.shape)):
        result[y, x] = math.sqrt(min((y - v) ** 2 + (x - u) ** 2 for v, u in outside))
    return result


@pytest.mark.parametrize('shape', [(1, 9), (13, 21), (20, 20)])
@pytest.mark.parametrize('share', [0.5, 0.9, 0.99])
def test_distances_are_those_to_the_nearest_pixel_outside(shape, share):
    mask = np.random.default_rng(0).random(shape) < share
    mask.ravel()[3] = False
    assert np.array_equal(inner_distance(mask), nearest_outside(mask))


@pytest.mark.parametrize('offset', range(0, 64, 4))
def test_they_are_correctly_rounded_up_to_500_pixels_wherever_the_result_lies(offset, monkeypatch):
    """OpenCV's own transform is given a result at every place within a cache line."""
    shape = (310, 401)
    mask = np.ones(shape, bool)
    mask[0, 0] = False
    size, transform = 4 * shape[0] * shape[1], cv2.distanceTransform
    buffer = np.zeros(size + 128, np.uint8)
    start = -buffer.ctypes.data % 64 + offset
    place = buffer[start : start + size].view(np.float32).reshape(shape)
    monkeypatch.setattr(cv2, 'distanceTransform', lambda *given: transform(*given, dst=place))
    squares = np.arange(shape[0])[:, None] ** 2 + np.arange(shape[1]) ** 2
    assert squares.max() > 500**2
    assert np.array_equal(inner_distance(mask), np.sqrt(squares.astype(np.float64)).astype(np.float32))
