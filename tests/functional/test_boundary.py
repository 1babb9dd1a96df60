import math

import numpy as np
import pytest

from mmseg_gen.functional.boundary import boundary_score, tolerance_in_pixels


def contour(mask):
    height, width = mask.shape
    return [
        (y, x)
        for y in range(height)
        for x in range(width)
        if mask[y, x]
        and any(
            0 <= v < height and 0 <= u < width and not mask[v, u]
            for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
        )
    ]


def share_near(points, others, radius):
    near = [any(math.dist(p, q) <= radius for q in others) for p in points]
    return sum(near) / len(near)


@pytest.mark.parametrize('radius', [1, 1.5, 3])
@pytest.mark.parametrize('seed', [0, 1, 2])
def test_score_equals_comparing_all_pairs_of_contour_pixels(radius, seed):
    rng = np.random.default_rng(seed)
    truth, prediction = (np.kron(rng.random((4, 5)) < 0.4, np.ones((4, 4), bool)) for _ in range(2))
    found, wanted = contour(prediction), contour(truth)
    precision, recall = share_near(found, wanted, radius), share_near(wanted, found, radius)
    score = boundary_score(prediction, truth, radius)
    assert score.precision == pytest.approx(precision)
    assert score.recall == pytest.approx(recall)
    assert score.f_measure == pytest.approx(2 * precision * recall / (precision + recall))


def square(offset, size=(30, 40)):
    mask = np.zeros(size, bool)
    mask[8:18, 8 + offset : 18 + offset] = True
    return mask


def test_a_shift_within_the_tolerance_costs_nothing_and_beyond_much():
    assert boundary_score(square(2), square(0), 2) == (1, 1, 1)
    assert boundary_score(square(1), square(0), 0.02).f_measure == 1  # 1 pixel of a diagonal of 50
    assert boundary_score(square(20), square(0), 2) == (0, 0, 0)


@pytest.mark.parametrize(('first', 'second', 'expected'), [(False, False, 1), (True, False, 0), (False, True, 0)])
def test_empty_contours(first, second, expected):
    masks = [square(0) if shown else np.zeros((30, 40), bool) for shown in (first, second)]
    assert boundary_score(*masks, 2) == (expected,) * 3


def test_the_border_of_the_image_is_no_contour():
    full, half = np.ones((6, 9), bool), np.ones((6, 9), bool)
    half[:, 5:] = False
    assert boundary_score(full, full, 1) == (1, 1, 1)
    assert boundary_score(half, full, 1) == (0, 0, 0)
    assert boundary_score(half, half[:, ::-1], 1) == (1, 1, 1)


def test_masks_without_a_contour_that_disagree_everywhere_score_nothing():
    full, empty = np.ones((6, 9), bool), np.zeros((6, 9), bool)
    assert boundary_score(full, empty, 1) == boundary_score(empty, full, 1) == (0, 0, 0)


def test_tolerance_is_pixels_or_a_share_of_the_diagonal():
    assert tolerance_in_pixels(0.008, (480, 854)) == math.ceil(0.008 * math.hypot(480, 854)) == 8
    assert tolerance_in_pixels(1, (480, 854)) == 1
    for wrong in (0, -1, math.nan, math.inf):
        with pytest.raises(ValueError, match='`tolerance` above 0'):
            tolerance_in_pixels(wrong, (3, 4))


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match=r'one size, but got \(30, 40\) and \(29, 40\)'):
        boundary_score(square(0), square(0)[1:], 2)
    with pytest.raises(ValueError, match='one size'):
        boundary_score(square(0)[:0], square(0)[:0], 2)


def test_label_maps_are_not_taken_for_masks():
    labels = np.full((30, 40), 255, np.uint8)
    with pytest.raises(TypeError, match='`truth` to be a bool array, but got uint8'):
        boundary_score(square(0), labels, 2)
