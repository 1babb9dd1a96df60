from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mmseg_gen.functional.photo_window import (
    PhotoWindow,
    cells_in_window,
    covering_size,
    draw_window,
    photo_in_window,
)

CANVAS = (16, 24)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize('size', [(50, 30), (30, 50), (16, 24), (7, 200), (9, 5)])
def test_a_covering_photo_touches_the_canvas_on_one_side(size):
    height, width = covering_size(size, CANVAS)
    assert height >= CANVAS[0]
    assert width >= CANVAS[1]
    assert height == CANVAS[0] or width == CANVAS[1]
    # The aspect is kept up to rounding to whole pixels.
    assert abs(height * size[1] - width * size[0]) <= max(size) * 0.51


def test_a_stretched_photo_is_there_as_a_whole():
    window = draw_window((50, 31), CANVAS, rng(), fit='stretch', flip=0)
    assert window == PhotoWindow(CANVAS, 0, 0, CANVAS)


def test_crops_reach_every_place_and_never_leave_the_photo():
    windows = [draw_window((20, 40), CANVAS, rng(i), fit='crop') for i in range(300)]
    assert {w.resized for w in windows} == {(16, 32)}
    assert {w.left for w in windows} == set(range(32 - 24 + 1))
    assert {w.top for w in windows} == {0}
    assert 100 < sum(w.flipped for w in windows) < 200


@pytest.mark.parametrize('flipped', [False, True])
def test_the_window_is_that_of_pillow(flipped):
    photo = rng().integers(0, 256, (16, 40, 3), np.uint8)
    found = photo_in_window(photo, PhotoWindow((16, 40), 0, 5, CANVAS, flipped))
    expected = Image.fromarray(photo).crop((5, 0, 29, 16))
    if flipped:
        expected = expected.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert np.array_equal(found, np.asarray(expected))


@pytest.mark.parametrize('flipped', [False, True])
@pytest.mark.parametrize('fit', ['stretch', 'crop'])
def test_mask_and_photo_stay_on_one_another(fit, flipped):
    """A photo that is black but for its object, in sizes that divide evenly: its cells are those with light in them."""
    mask = np.zeros((32, 96), bool)
    mask[8:17, 40:61] = True
    photo = np.repeat(mask[..., None] * np.uint8(255), 3, 2)
    for seed in range(20):
        window = draw_window(photo.shape[:2], CANVAS, rng(seed), fit=fit, flip=float(flipped))
        seen = photo_in_window(photo, window)[..., 0] > 0
        cells = cells_in_window(mask, window, 4)
        expected = np.array([[seen[r : r + 4, c : c + 4].any() for c in range(0, 24, 4)] for r in range(0, 16, 4)])
        assert np.array_equal(cells, expected)


def test_a_mask_on_a_coarser_grid_lies_on_the_whole_photo():
    mask = np.zeros((2, 3), bool)
    mask[0, 2] = True
    cells = cells_in_window(mask, PhotoWindow(CANVAS, 0, 0, CANVAS), 4)
    expected = np.zeros((4, 6), bool)
    expected[:2, 4:] = True
    assert np.array_equal(cells, expected)


def test_thin_objects_are_not_lost():
    mask = np.zeros((512, 512), bool)
    mask[:, 100] = True
    assert cells_in_window(mask, PhotoWindow(CANVAS, 0, 0, CANVAS), 4).any(1).all()


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="`fit` from stretch, crop, but got 'pad'"):
        draw_window((5, 5), CANVAS, rng(), fit='pad')
    with pytest.raises(ValueError, match=r'`flip` in \[0, 1\], but got 2'):
        draw_window((5, 5), CANVAS, rng(), flip=2)
    with pytest.raises(ValueError, match='`cell` to divide the canvas of 16 x 24, but got 5'):
        cells_in_window(np.ones((3, 3), bool), PhotoWindow(CANVAS, 0, 0, CANVAS), 5)
