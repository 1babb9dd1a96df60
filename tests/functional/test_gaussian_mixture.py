"""Mixtures against scikit-learn called plainly and against known populations; masks against loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.mixture import GaussianMixture

from mmseg_gen.functional.gaussian_mixture import (
    MixtureMask,
    TwoGaussians,
    drop_orphans,
    fit_two_gaussians,
    mixture_mask,
    upper_posterior,
)


def two_populations(shape=(40, 30), scale=1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return a map with a square of high values, and the square."""
    rng = np.random.default_rng(0)
    square = np.zeros(shape, bool)
    square[8:24, 5:20] = True
    return (scale * (np.where(square, 5.0, 1.0) + rng.normal(0, np.where(square, 0.6, 0.3)))).astype(np.float32), square


def test_equals_scikit_learn_on_values_of_unit_scale():
    values, _ = two_populations()
    flat = np.sort(values.astype(np.float64).ravel())[:, None]
    model = GaussianMixture(2, random_state=0).fit((flat - flat.mean()) / flat.std())
    order = model.means_.ravel().argsort()
    found = fit_two_gaussians(values)
    np.testing.assert_allclose(found.means, model.means_.ravel()[order] * flat.std() + flat.mean(), rtol=1e-6)
    np.testing.assert_allclose(found.deviations, np.sqrt(model.covariances_.ravel()[order]) * flat.std(), rtol=1e-6)
    np.testing.assert_allclose(found.shares, model.weights_[order], rtol=1e-6)
    assert found.threshold == pytest.approx(model.means_.mean() * flat.std() + flat.mean())


@pytest.mark.parametrize('scale', [1e-5, 1.0, 1e4])
def test_finds_known_populations_at_any_scale(scale):
    values, square = two_populations(scale=scale)
    found = fit_two_gaussians(values)
    np.testing.assert_allclose(np.array(found.means) / scale, [1, 5], atol=0.1)
    np.testing.assert_allclose(np.array(found.deviations) / scale, [0.3, 0.6], atol=0.1)
    assert found.shares[1] == pytest.approx(square.mean(), abs=0.02)
    for rule in ('means', 'posterior'):
        result = mixture_mask(values, rule=rule)
        assert result.outcome == 'found'
        assert (result.mask == square).mean() > 0.99
        assert result.uncertainty < 0.02


def test_many_values_give_the_mixture_of_their_quantiles():
    values, _ = two_populations((400, 300))
    few, many = fit_two_gaussians(values), GaussianMixture(2, random_state=0).fit(values.reshape(-1, 1))
    np.testing.assert_allclose(few.means, np.sort(many.means_.ravel()), rtol=5e-3)


def test_posterior_is_bayes_between_the_means_and_flat_beyond():
    mixture = TwoGaussians((0.0, 1.0), (0.1, 0.4), (0.7, 0.3))
    values = np.linspace(0, 1, 21)
    low, high = 0.7 * norm.pdf(values, 0, 0.1), 0.3 * norm.pdf(values, 1, 0.4)
    np.testing.assert_allclose(upper_posterior(values, mixture), high / (low + high), rtol=1e-5)
    ends = upper_posterior(np.array([-9.0, 0.0, 1.0, 9.0]), mixture)
    assert ends[0] == ends[1]
    assert ends[2] == ends[3]
    assert (np.diff(upper_posterior(np.linspace(-2, 3, 101), mixture)) >= 0).all()


def test_rules_differ_where_the_variances_do():
    values, _ = two_populations()
    mixture = fit_two_gaussians(values)
    by_means = mixture_mask(values, orphans=False).mask
    by_posterior = mixture_mask(values, rule='posterior', orphans=False).mask
    assert np.array_equal(by_means, values > sum(mixture.means) / 2)
    assert np.array_equal(by_posterior, upper_posterior(values, mixture) > 0.5)


@pytest.mark.parametrize('shape', [(9, 7), (3, 3), (2, 5), (1, 1)])
def test_orphan_filter_is_the_loop_over_neighbourhoods(shape):
    mask = np.random.default_rng(2).random(shape) < 0.5
    expected, before = mask.copy(), mask.copy()
    for y in range(1, shape[0] - 1):
        for x in range(1, shape[1] - 1):
            expected[y, x] = mask[y - 1 : y + 2, x - 1 : x + 2].mean() >= 0.5
    assert np.array_equal(drop_orphans(mask), expected)
    assert np.array_equal(mask, before)


def test_a_constant_map_is_a_named_outcome():
    for value in (0.0, 0.3, 1e-9):
        found = mixture_mask(np.full((6, 5), value, np.float32))
        assert found.outcome == 'constant'
        assert not found.mask.any()
        assert not found.posterior.any()
        assert found.uncertainty == 1
    assert fit_two_gaussians(np.array([2.0])) is None


def test_masks_without_an_edge_are_named_outcomes():
    single = np.zeros((9, 9), np.float32)
    single[4, 4] = 1
    assert mixture_mask(single).outcome == 'empty'
    assert mixture_mask(single, orphans=False).outcome == 'found'
    hole = 1 - single
    assert mixture_mask(hole).outcome == 'full'
    assert mixture_mask(hole).uncertainty == 1


def test_is_deterministic_and_leaves_the_map_alone():
    values, _ = two_populations()
    before = values.copy()
    first, second = mixture_mask(values), mixture_mask(values)
    assert np.array_equal(first.posterior, second.posterior)
    assert np.array_equal(values, before)
    assert isinstance(first, MixtureMask)


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match=r'`rule` from means, posterior'):
        mixture_mask(np.zeros((3, 3)), rule='otsu')
    with pytest.raises(ValueError, match=r'\(H, W\)'):
        mixture_mask(np.zeros(3))
    with pytest.raises(ValueError, match='finite'):
        mixture_mask(np.array([[0.0, np.nan]]))
    with pytest.raises(ValueError, match='at least one'):
        fit_two_gaussians(np.zeros((0, 4)))


def test_the_rules_differ_where_the_components_are_of_unlike_width():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0.2, 0.02, 1500), rng.normal(0.6, 0.15, 500)]).reshape(40, 50)
    fitted = fit_two_gaussians(values)
    by_means = mixture_mask(values, rule='means', orphans=False).mask
    by_posterior = mixture_mask(values, rule='posterior', orphans=False).mask
    assert np.array_equal(by_means, values > sum(fitted.means) / 2)
    assert np.array_equal(by_posterior, upper_posterior(values, fitted) > 0.5)
    # The narrow component ends long before the middle of the means.
    assert by_posterior.sum() > by_means.sum() + 20
