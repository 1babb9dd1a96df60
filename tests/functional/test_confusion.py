"""The confusion filter, the update and the renormalisation against loops; untouched pixels to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_gen.functional.confusion import (
    BandSettings,
    confusion_band,
    edge_distance,
    mix_probabilities,
    renormalize,
)


def random_mask(seed: int, shape=(9, 13)) -> np.ndarray:
    return np.random.default_rng(seed).random(shape) > 0.6


def loop_distance(mask: np.ndarray) -> np.ndarray:
    out = np.full(mask.shape, np.inf)
    for place in np.ndindex(mask.shape):
        for other in np.ndindex(mask.shape):
            if mask[other] != mask[place]:
                out[place] = min(out[place], np.hypot(*np.subtract(place, other)))
    return out


@pytest.mark.parametrize('seed', range(3))
def test_edge_distance_equals_a_loop_over_pairs(seed):
    mask = random_mask(seed)
    assert np.allclose(edge_distance(mask), loop_distance(mask), atol=1e-5)


def test_without_an_edge_every_pixel_is_far():
    assert np.isinf(edge_distance(np.ones((3, 4), bool))).all()
    assert np.isinf(edge_distance(np.zeros((3, 4), bool))).all()


def test_the_band_is_relative_to_the_largest_probability_and_near_the_edge():
    rng = np.random.default_rng(0)
    probability, mask = rng.random((9, 13)) * 0.5, random_mask(5)
    settings = BandSettings(0.2, 0.6, 1.5)
    distance, top = loop_distance(mask), probability.max()
    expected = np.zeros(mask.shape, bool)
    for place in np.ndindex(mask.shape):
        expected[place] = 0.2 * top <= probability[place] <= 0.6 * top and distance[place] <= 1.5
    found = confusion_band(probability, mask, settings)
    assert found.any()
    assert (found == expected).all()


def test_only_the_band_changes_and_by_equation_9():
    rng = np.random.default_rng(1)
    probability, matched = rng.random((2, 5, 8)).astype(np.float32)
    band, evidence = rng.random((5, 8)) > 0.5, rng.random((5, 8)).astype(np.float32)
    mixed = mix_probabilities(probability, matched, band, 0.8)
    weighed = mix_probabilities(probability, matched, band, 0.8, evidence)
    for place in np.ndindex(band.shape):
        s, m, e = float(probability[place]), float(matched[place]), float(evidence[place])
        if band[place]:
            assert mixed[place] == pytest.approx(0.8 * s + 0.2 * m, rel=1e-6)
            assert weighed[place] == pytest.approx(s + 0.2 * e * (m - s), rel=1e-5)
    outside = ~band
    assert mixed[outside].tobytes() == probability[outside].tobytes()
    assert weighed[outside].tobytes() == probability[outside].tobytes()
    assert mixed.dtype == np.float32


def test_values_outside_the_band_are_not_even_read():
    matched = np.full((2, 2), np.nan)
    matched[0, 0] = 1.0
    band = np.array([[True, False], [False, False]])
    assert np.isfinite(mix_probabilities(np.full((2, 2), 0.5), matched, band, 0.5)).all()


@pytest.mark.parametrize('how', ['divide', 'complement'])
def test_renormalised_pixels_sum_to_one_and_others_keep_their_bits(how):
    rng = np.random.default_rng(2)
    values = rng.random((4, 6, 5)).astype(np.float32)
    changed, updated = rng.random((6, 5)) > 0.5, np.array([False, True, True, False])
    out = renormalize(values, updated, changed, how)
    assert np.allclose(out[:, changed].sum(0), 1, atol=1e-6)
    assert out[:, ~changed].tobytes() == values[:, ~changed].tobytes()


def test_divide_and_complement_by_hand():
    values = np.array([0.3, 0.6, 0.3]).reshape(3, 1, 1)
    updated, changed = np.array([False, True, False]), np.ones((1, 1), bool)
    assert np.allclose(renormalize(values, updated, changed, 'divide').ravel(), [0.25, 0.5, 0.25])
    assert np.allclose(renormalize(values, updated, changed, 'complement').ravel(), [0.2, 0.6, 0.2])
    crowded = np.array([0.1, 0.9, 0.6]).reshape(3, 1, 1)
    two = np.array([False, True, True])
    assert np.allclose(renormalize(crowded, two, changed, 'complement').ravel(), [0, 0.6, 0.4])
    sure = np.array([0.0, 0.7, 0.0]).reshape(3, 1, 1)
    assert np.allclose(renormalize(sure, updated, changed, 'complement').ravel(), [0.15, 0.7, 0.15])


@pytest.mark.parametrize('how', ['divide', 'complement'])
@pytest.mark.parametrize('updated', [[True, False, False], [True, True, True]])
def test_where_nothing_is_left_the_classes_share_alike(how, updated):
    values = np.zeros((3, 1, 2), np.float32)
    values[:, 0, 1] = [0.1, 0.3, 0.2]
    out = renormalize(values, np.array(updated), np.ones((1, 2), bool), how)
    assert np.allclose(out.sum(0), 1)
    if how == 'divide':
        assert np.allclose(out[:, 0].T, [[1 / 3] * 3, [1 / 6, 1 / 2, 1 / 3]])


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match='Expected 0 <= `low`'):
        BandSettings(0.6, 0.2)
    with pytest.raises(ValueError, match='`max_distance` to be positive'):
        BandSettings(max_distance=0)
    with pytest.raises(ValueError, match=r'Expected `beta` in \[0, 1\], but got 1.5'):
        mix_probabilities(np.ones((1, 1)), np.ones((1, 1)), np.ones((1, 1), bool), 1.5)
    with pytest.raises(ValueError, match='Expected `normalization` from'):
        renormalize(np.ones((1, 1, 1)), np.ones(1, bool), np.ones((1, 1), bool), 'softmax')


def test_both_ends_of_the_band_belong_to_it():
    probability = np.array([[0.1, 0.25, 0.5, 1.0]])
    band = confusion_band(probability, probability > 0.3, BandSettings(low=0.25, high=0.5, max_distance=None))
    assert band.tolist() == [[False, True, True, False]]
