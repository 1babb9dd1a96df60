import math

import numpy as np
import pytest
from scipy.linalg import sqrtm

from mmseg_gen.functional.frechet import Moments, frechet_distance


def gaussian(seed, dimensions=6):
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(dimensions, dimensions))
    return rng.normal(size=dimensions), factor @ factor.T + 0.1 * np.eye(dimensions)


def test_distance_equals_the_formula_with_scipys_matrix_root():
    for seed in range(4):
        (m1, c1), (m2, c2) = gaussian(seed), gaussian(seed + 10)
        expected = ((m1 - m2) ** 2).sum() + np.trace(c1 + c2 - 2 * sqrtm(c1 @ c2).real)
        assert frechet_distance(m1, c1, m2, c2) == pytest.approx(expected, rel=1e-9)
        assert frechet_distance(m2, c2, m1, c1) == pytest.approx(expected, rel=1e-9)


def test_distance_of_independent_dimensions_is_known():
    deviations, others, means = np.array([1.0, 2, 0]), np.array([3.0, 2, 4]), np.array([5.0, 0, -1])
    expected = (means**2).sum() + ((deviations - others) ** 2).sum()
    found = frechet_distance(np.zeros(3), np.diag(deviations**2), means, np.diag(others**2))
    assert found == pytest.approx(expected)


def test_rotating_space_changes_nothing_and_scaling_squares():
    (m1, c1), (m2, c2) = gaussian(0), gaussian(1)
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(6, 6)))[0]
    plain = frechet_distance(m1, c1, m2, c2)
    turned = frechet_distance(turn @ m1, turn @ c1 @ turn.T, turn @ m2, turn @ c2 @ turn.T)
    assert turned == pytest.approx(plain)
    assert frechet_distance(3 * m1, 9 * c1, 3 * m2, 9 * c2) == pytest.approx(9 * plain)


def test_equal_and_singular_gaussians_are_safe():
    rng = np.random.default_rng(0)
    few = Moments.of(rng.normal(size=(5, 40)))
    assert frechet_distance(few.mean, few.covariance, few.mean, few.covariance) == pytest.approx(0, abs=1e-6)
    other = Moments.of(rng.normal(size=(7, 40)))
    distance = frechet_distance(few.mean, few.covariance, other.mean, other.covariance)
    assert math.isfinite(distance)
    # Between the distance without overlap of the spreads and that of the means alone.
    gap = ((few.mean - other.mean) ** 2).sum()
    assert gap < distance <= gap + np.trace(few.covariance) + np.trace(other.covariance)


def test_streamed_moments_equal_numpys_whatever_the_split():
    features = np.random.default_rng(3).normal(1e4, 3, size=(31, 7))
    for cuts in ([], [1], [4, 4, 20], [30]):
        total = Moments.empty(7)
        for block in np.split(features, cuts):
            if len(block):
                total = total.merged(Moments.of(block))
        assert total.count == 31
        assert total.mean == pytest.approx(features.mean(0), rel=1e-12)
        assert total.covariance == pytest.approx(np.cov(features.T), rel=1e-6)
    assert Moments.empty(2).merged(Moments.empty(2)).count == 0


def test_bad_input_is_refused():
    mean, covariance = gaussian(0)
    with pytest.raises(ValueError, match='of one D, but got shapes'):
        frechet_distance(mean, covariance, mean[1:], covariance)
    with pytest.raises(ValueError, match='finite means'):
        frechet_distance(mean * np.nan, covariance, mean, covariance)
    with pytest.raises(ValueError, match='at least 2 samples for a covariance, but got 1'):
        _ = Moments.of(np.ones((1, 3))).covariance
    with pytest.raises(ValueError, match='6 dimensions, but got 3'):
        Moments.empty(6).merged(Moments.empty(3))
    for wrong in (np.ones(3), np.full((2, 3), np.inf), np.ones((0, 3))):
        with pytest.raises(ValueError, match=r'finite `features` of shape \(N, D\)'):
            Moments.of(wrong)
