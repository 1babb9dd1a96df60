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


def test_they_are_correctly_rounded_up_to_a_thousand_pixels():
    mask = np.ones((400, 920), bool)
    mask[0, 0] = False
    squares = np.arange(400)[:, None] ** 2 + np.arange(920) ** 2
    assert squares.max() > 1000**2
    assert np.array_equal(inner_distance(mask), np.sqrt(squares.astype(np.float64)).astype(np.float32))


def test_the_bits_do_not_depend_on_the_memory(monkeypatch):
    """OpenCV's own transform is given a result at every place within a cache line."""
    mask = cv2.GaussianBlur(np.random.default_rng(0).random((64, 64)), (0, 0), 3) > 0.5
    transform, buffer, found = cv2.distanceTransform, np.zeros(64 * 64 * 4 + 128, np.uint8), set()
    for offset in range(0, 64, 4):
        start = -buffer.ctypes.data % 64 + offset
        place = buffer[start : start + 64 * 64 * 4].view(np.float32).reshape(64, 64)
        monkeypatch.setattr(cv2, 'distanceTransform', lambda *given, place=place: transform(*given, dst=place))
        found.add(inner_distance(mask).tobytes())
    assert len(found) == 1
