"""Every picture lies in its own cell."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_gen.visualization.sheet import GAP, TITLE_HEIGHT, heat_map, picture_sheet, tile

RED, GREEN = np.zeros((10, 10, 3), np.uint8), np.zeros((10, 10, 3), np.uint8)
RED[..., 0], GREEN[..., 1] = 255, 255


def test_heat_map_orders_colours_and_spans_the_range():
    values = np.array([[-3.0, 0.0], [2.0, 5.0]])
    colors = heat_map(values)
    assert colors.shape == (2, 2, 3)
    assert colors.dtype == np.uint8
    # Ends of viridis: dark violet and yellow.
    assert np.abs(colors[0, 0].astype(int) - [68, 1, 84]).max() <= 3
    assert np.abs(colors[1, 1].astype(int) - [253, 231, 37]).max() <= 3
    assert np.array_equal(heat_map(values * 7 + 1), colors)


def test_heat_map_of_a_constant_and_of_nan():
    assert np.array_equal(heat_map(np.full((3, 4), 0.7)), heat_map(np.zeros((3, 4))))
    with pytest.raises(ValueError, match='finite'):
        heat_map(np.array([[0.0, np.nan]]))


def test_tile_keeps_the_aspect():
    wide = np.zeros((10, 40, 3), np.uint8)
    cell = tile(wide, 80)
    assert cell.shape == (80, 80, 3)
    assert (cell[30:50] == 0).all()
    assert (cell[:30] == 255).all()
    assert (cell[50:] == 255).all()


def test_tile_takes_masks_grey_and_maps():
    mask = np.eye(8, dtype=bool)
    assert np.array_equal(tile(mask, 8), tile(mask.astype(np.uint8) * 255, 8))
    assert set(np.unique(tile(mask, 64))) == {0, 255}
    assert np.array_equal(tile(np.eye(8), 8), heat_map(np.eye(8)))
    with pytest.raises(ValueError, match=r'got \(8, 8, 4\)'):
        tile(np.zeros((8, 8, 4), np.uint8), 8)


def test_pictures_lie_in_rows_and_columns():
    sheet = picture_sheet([[RED, GREEN], [GREEN, RED], [RED, RED]], side=32)
    assert sheet.shape == (3 * 32 + 4 * GAP, 2 * 32 + 3 * GAP, 3)
    centers = [[sheet[GAP + 16 + y * (32 + GAP), GAP + 16 + x * (32 + GAP)].tolist() for x in (0, 1)] for y in range(3)]
    red, green = [255, 0, 0], [0, 255, 0]
    assert centers == [[red, green], [green, red], [red, red]]


def test_titles_stand_over_their_columns():
    sheet = picture_sheet([[RED, GREEN]], ['', 'a title'], side=64)
    band = sheet[:TITLE_HEIGHT]
    assert (band[:, : 64 + GAP] == 255).all()
    assert (band[:, 64 + GAP :] < 200).any()
    assert sheet.shape[0] == TITLE_HEIGHT + GAP + 64 + GAP
    long = picture_sheet([[RED, GREEN]], ['a title that is much longer than its column', ''], side=64)
    assert (long[:TITLE_HEIGHT, 64 + 2 * GAP :] == 255).all()


def test_errors():
    with pytest.raises(ValueError, match='at least one row'):
        picture_sheet([])
    with pytest.raises(ValueError, match=r'2 columns in every row and in `titles`, but got \[1, 2\]'):
        picture_sheet([[RED, RED], [RED]])
    with pytest.raises(ValueError, match='2 columns'):
        picture_sheet([[RED, RED]], ['one'])
