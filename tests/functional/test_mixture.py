import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from mmseg_gen.functional.mixture import mixture_calibration, two_means


def sample(share, seed=0, size=4000):
    rng = np.random.default_rng(seed)
    inside = rng.random(size) < share
    return np.where(inside, rng.normal(0.7, 0.1, size), rng.normal(0.2, 0.1, size))


@pytest.mark.parametrize('share', [0.1, 0.3, 0.5, 0.8])
def test_means_equal_a_tied_mixture_of_sklearn(share):
    values = sample(share)
    expected = GaussianMixture(2, covariance_type='tied', random_state=0, tol=1e-6).fit(values[:, None]).means_
    assert two_means(values, 300) == pytest.approx(sorted(expected.ravel()), abs=0.01)


def test_means_follow_scale_and_shift():
    values = sample(0.3)
    low, high = two_means(values)
    assert two_means(5 * values - 2) == pytest.approx((5 * low - 2, 5 * high - 2), abs=1e-6)


def test_calibration_is_increasing_and_centred_between_the_means():
    values = np.sort(sample(0.4)).reshape(50, 80)
    low, high = two_means(values)
    u = mixture_calibration(values)
    assert (np.diff(u.ravel()) >= 0).all()
    assert np.interp((low + high) / 2, values.ravel(), u.ravel()) == pytest.approx(0.5, abs=0.01)
    assert np.interp(high, values.ravel(), u.ravel()) == pytest.approx(1 / (1 + np.exp(-2)), abs=0.01)


def test_a_large_object_keeps_its_dim_half():
    values = np.full((20, 20), 0.55)
    values[:, :4] = 0.1
    values[0, -1] = 1.0
    u = mixture_calibration(values + 0.01 * np.random.default_rng(0).random((20, 20)))
    assert (u[:, 4:] > 0.5).all()
    assert (u[:, :4] < 0.5).all()


def test_a_constant_map_is_all_background():
    assert not mixture_calibration(np.full((4, 5), 0.3)).any()


def test_two_values_alone():
    values = np.array([[0.0, 0.0, 0.0, 1.0]])
    u = mixture_calibration(values)
    assert np.isfinite(u).all()
    assert (u > 0.5).tolist() == [[False, False, False, True]]


def test_neighbouring_floats_are_one_value():
    values = np.array([1 + 2**-52, 1 + 2**-51])
    assert two_means(values) == pytest.approx((1, 1))
    assert not mixture_calibration(values).any()


@pytest.mark.parametrize('values', [[], [0.1, np.nan], [0.1, np.inf]])
def test_values_without_means_are_refused(values):
    with pytest.raises(ValueError, match='`values` to be finite'):
        two_means(np.array(values))
