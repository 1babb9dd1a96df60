"""Rectangles against all rectangles of small grids, and draws against the authors' rules."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mmseg_gen.functional.background_rectangle import (
    Rectangle,
    RectangleSettings,
    draw_background_crop,
    largest_rectangle,
)


def every_rectangle(free: np.ndarray, min_side: int):
    """Yield all rectangles of set pixels, as (area, top, left, bottom, right)."""
    rows, columns = (list(itertools.combinations(range(side + 1), 2)) for side in free.shape)
    for (top, bottom), (left, right) in itertools.product(rows, columns):
        if min(bottom - top, right - left) >= min_side and free[top:bottom, left:right].all():
            yield (bottom - top) * (right - left), top, left, bottom, right


@pytest.mark.parametrize('min_side', [1, 2, 3])
def test_largest_is_the_largest_of_all(min_side):
    rng = np.random.default_rng(0)
    for trial in range(40):
        shape = (int(rng.integers(1, 7)), int(rng.integers(1, 8)))
        free = rng.random(shape) < (0.5, 0.7, 0.9)[trial % 3]
        all_of_them = list(every_rectangle(free, min_side))
        found = largest_rectangle(free, min_side)
        if not all_of_them:
            assert found is None
            continue
        area, top, left = min((-a, t, x) for a, t, x, _, _ in all_of_them)
        assert (found.area, found.top, found.left) == (-area, top, left)
        assert free[found.slices].all()
        assert free[found.slices].size == found.area


def test_ends_of_the_range():
    assert largest_rectangle(np.zeros((4, 5), bool)) is None
    assert largest_rectangle(np.ones((4, 5), bool)) == Rectangle(0, 0, 4, 5)
    assert largest_rectangle(np.ones((4, 5), bool), min_side=5) is None
    with pytest.raises(ValueError, match='min_side'):
        largest_rectangle(np.ones((2, 2), bool), 0)


@pytest.mark.parametrize('shape', [(64, 64), (32, 48)])
def test_draws_keep_the_authors_rules(shape):
    height, width = shape
    foreground = np.zeros(shape, bool)
    foreground[height // 3 : height // 2, width // 4 : width // 2] = True
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(200):
        crop = draw_background_crop(foreground, rng)
        assert crop.outcome == 'rectangle'
        assert not (crop.mask & foreground).any()
        rows, columns = np.flatnonzero(crop.mask.any(1)), np.flatnonzero(crop.mask.any(0))
        tall, wide = rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]
        # In cells of the authors' 64 x 64 grid.
        tall_64, wide_64 = tall * 64 / height, wide * 64 / width
        assert tall_64 > 10
        assert wide_64 > 10
        assert 256 <= tall_64 * wide_64 <= 1024
        assert not (tall_64 > 32 and wide_64 > 32)
        assert crop.mask.sum() >= tall * wide * 2 / 3
        seen.add((rows[0], columns[0]))
    assert len(seen) > 50


def test_one_long_side_is_allowed_and_two_are_not():
    rng = np.random.default_rng(2)
    nothing = np.zeros((64, 64), bool)
    sides = []
    for _ in range(300):
        mask = draw_background_crop(nothing, rng).mask
        sides.append((np.count_nonzero(mask.any(1)), np.count_nonzero(mask.any(0))))
    assert any(tall > 40 for tall, _ in sides)
    assert any(wide > 40 for _, wide in sides)
    assert max(min(pair) for pair in sides) <= 32


def test_both_drawn_corners_lie_inside():
    # Background at two pixels alone: they are the corners.
    foreground = np.ones((8, 10), bool)
    foreground[2, 3] = foreground[5, 7] = False
    settings = RectangleSettings(min_side=0.2, min_area=0.0, max_side=1.0, max_area=1.0, min_background=0.0)
    crop = draw_background_crop(foreground, np.random.default_rng(0), settings)
    assert crop.outcome == 'rectangle'
    assert np.argwhere(crop.mask).tolist() == [[2, 3], [5, 7]]


def test_two_opposite_corners_are_background():
    background = np.random.default_rng(0).random((64, 64)) < 0.5
    settings, rng = RectangleSettings(min_background=0.1), np.random.default_rng(1)
    seen = set()
    for _ in range(50):
        crop = draw_background_crop(~background, rng, settings)
        rows, columns = np.flatnonzero(crop.mask.any(1))[[0, -1]], np.flatnonzero(crop.mask.any(0))[[0, -1]]
        falling, rising = (background[rows, c].all() for c in (columns, columns[::-1]))
        assert falling or rising
        seen.add((bool(falling), bool(rising)))
    assert len(seen) == 3


def test_no_rectangle_is_a_named_outcome():
    rng = np.random.default_rng(0)
    frame = np.ones((64, 64), bool)
    frame[:, :6] = False
    crop = draw_background_crop(frame, rng)
    assert crop.outcome == 'whole_background'
    assert np.array_equal(crop.mask, ~frame)
    nothing = draw_background_crop(np.ones((8, 6), bool), rng)
    assert nothing.outcome == 'no_background'
    assert not nothing.mask.any()


def test_the_draw_is_a_function_of_the_seed():
    foreground = np.zeros((40, 30), bool)
    first, second = (draw_background_crop(foreground, np.random.default_rng(5)).mask for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    'settings', [{'min_side': 1.0}, {'min_area': 0.6}, {'max_side': 2.0}, {'min_background': -1}, {'tries': 0}]
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match='Expected `'):
        RectangleSettings(**settings)
