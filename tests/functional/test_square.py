from __future__ import annotations

import numpy as np
import pytest

from mmseg_gen.functional.square import boxes_in_square, middle_square


@pytest.mark.parametrize(('size', 'square'), [((5, 5), (0, 0, 5)), ((7, 4), (1, 0, 4)), ((4, 9), (0, 2, 4))])
def test_the_square_is_the_largest_in_the_middle(size, square):
    assert middle_square(size) == square


def test_boxes_cover_the_same_pixels_after_cropping_and_enlarging():
    rng = np.random.default_rng(0)
    for size in ((12, 20), (20, 12)):
        square = middle_square(size)
        top, left, length = square
        corners = np.sort(rng.integers(0, 12, (30, 2, 2)), 1) + np.array([[0, 0], [1, 1]])
        boxes = corners.reshape(30, 4)
        found, inside = boxes_in_square(boxes, square, 3 * length)
        assert found.dtype == np.float32
        rows = iter(found)
        for box, meets in zip(boxes, inside, strict=True):
            mask = np.zeros(size, bool)
            mask[box[1] : box[3], box[0] : box[2]] = True
            cropped = mask[top : top + length, left : left + length]
            assert cropped.any() == meets
            if meets:
                x1, y1, x2, y2 = next(rows).astype(int)
                own = np.zeros((3 * length, 3 * length), bool)
                own[y1:y2, x1:x2] = True
                assert np.array_equal(own, cropped.repeat(3, 0).repeat(3, 1))
    found, inside = boxes_in_square(np.zeros((0, 4)), (0, 0, 4), 8)
    assert found.shape == (0, 4)
    assert inside.shape == (0,)
