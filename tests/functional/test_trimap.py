import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from mmseg_gen.functional.trimap import trimap_band


def brute_force(labels, width):
    band = np.zeros(labels.shape, bool)
    points = list(np.ndindex(labels.shape))
    for y, x in points:
        band[y, x] = any(labels[v, u] != labels[y, x] and (v - y) ** 2 + (u - x) ** 2 <= width**2 for v, u in points)
    return band


@pytest.mark.parametrize('width', [1, 2, 3, 3.5])
@pytest.mark.parametrize('seed', [0, 1])
def test_band_equals_comparing_all_pairs_of_pixels(width, seed):
    rng = np.random.default_rng(seed)
    labels = np.kron(rng.choice([0, 1, 4, 255], (3, 4), p=[0.6, 0.2, 0.1, 0.1]), np.ones((4, 5), int))
    assert (trimap_band(labels, width) == brute_force(labels, width)).all()


def test_band_of_a_disc_equals_scipy():
    rows, columns = np.mgrid[:60, :80]
    disc = np.hypot(rows - 31, columns - 40) < 20
    for width in (1, 3, 7):
        expected = np.where(disc, distance_transform_edt(disc), distance_transform_edt(~disc)) <= width
        assert (trimap_band(disc, width) == expected).all()


def test_a_straight_border_has_the_width_on_each_side():
    labels = np.zeros((6, 20), np.uint8)
    labels[:, 10:] = 1
    band = trimap_band(labels, 3)
    assert band[:, 7:13].all()
    assert band.sum() == 6 * 6


def test_one_label_has_no_border():
    assert not trimap_band(np.full((4, 5), 3), 2).any()


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match=r'`width` of at least 1 pixel, but got 0\.5'):
        trimap_band(np.zeros((4, 5)), 0.5)
    with pytest.raises(ValueError, match=r'`labels` of shape \(H, W\), but got \(1, 4, 5\)'):
        trimap_band(np.zeros((1, 4, 5)), 3)
