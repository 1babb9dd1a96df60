"""Marks stand where the points are, in one colour for a pair, and nowhere else."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from mmseg_gen.visualization.correspondence import (
    correspondence_sheet,
    draw_correspondence,
    draw_points,
    point_colors,
)

GREY = np.full((20, 32, 3), 90, np.uint8)
POINTS = np.array([[0.25, 0.25], [0.75, 0.5], [0.5, 0.875]])


def test_colours_go_around_the_circle():
    for i, color in enumerate(point_colors(5)):
        expected = colorsys.hsv_to_rgb(i / 5, 230 / 255, 1)
        assert np.abs(color / 255 - expected).max() < 0.03
    assert point_colors(0).shape == (0, 3)


@pytest.mark.parametrize('star', [True, False])
def test_marks_are_at_the_points_and_nowhere_else(star):
    before = GREY.copy()
    drawn = draw_points(GREY, POINTS, star=star, side=320)
    assert (before == GREY).all()
    assert drawn.shape == (200, 320, 3)
    near = np.zeros((200, 320), bool)
    for (row, column), color in zip(POINTS, point_colors(3), strict=True):
        y, x = int(row * 200), int(column * 320)
        assert (drawn[y, x] == color).all()
        near[max(0, y - 12) : y + 13, max(0, x - 12) : x + 13] = True
    assert (drawn[~near] == 90).all()


def test_points_on_the_border_are_drawn_and_those_outside_refused():
    drawn = draw_points(GREY, np.array([[1.0, 1.0]]), star=False, side=64)
    assert (drawn[-1, -1] == point_colors(1)[0]).all()
    for wrong in (np.array([[0.5, 1.5]]), np.array([0.5, 0.5]), np.array([[np.nan, 0.5]])):
        with pytest.raises(ValueError, match='Expected `points`'):
            draw_points(GREY, wrong, star=True)


def test_a_pair_has_one_colour_and_masks_are_tinted():
    mask = np.zeros((20, 32), bool)
    mask[5:10, 5:20] = True
    made = np.full((10, 16, 3), 30, np.uint8)
    image, again, coarse, refined = draw_correspondence(GREY, made, POINTS, POINTS[::-1], mask, ~mask, side=320)
    for (row, column), (other_row, other_column) in zip(POINTS, POINTS[::-1], strict=True):
        place = again[int(row * 200), int(column * 320)]
        assert (place == image[int(other_row * 200), int(other_column * 320)]).all()
    changed = [(p[5::10, 5::10] != 90).any(-1) for p in (coarse, refined)]
    assert (changed[0] == mask).all()
    assert (changed[1] == ~mask).all()
    sheet = correspondence_sheet([[image, again, coarse, refined]] * 2)
    assert sheet.shape[0] < sheet.shape[1]
    with pytest.raises(ValueError, match='Expected one of `matches` for each of 3 places, but got 2'):
        draw_correspondence(GREY, made, POINTS, POINTS[:2], mask, mask)
