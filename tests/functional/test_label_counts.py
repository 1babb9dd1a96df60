import numpy as np
import pytest

from mmseg_gen.functional.label_counts import bootstrap_ratio_samples, intersection_union, mean_ratio


def test_counts_equal_a_loop_over_pixels():
    rng = np.random.default_rng(0)
    prediction, truth = rng.integers(0, 4, (2, 7, 9))
    truth[0, :3] = 255
    expected = np.zeros((5, 2))
    for p, t in zip(prediction.flat, truth.flat, strict=True):
        if t != 255:
            for c in range(5):
                expected[c] += (p == c and t == c, p == c or t == c)
    np.testing.assert_array_equal(intersection_union(prediction, truth, 5), expected)


def test_bool_masks_count_as_two_classes():
    prediction, truth = np.array([[True, True, False]]), np.array([[True, False, False]])
    np.testing.assert_array_equal(intersection_union(prediction, truth, 2), [[1, 2], [1, 2]])


def test_bad_labels_are_refused():
    with pytest.raises(ValueError, match='`prediction` of shape'):
        intersection_union(np.zeros((2, 3), int), np.zeros((3, 2), int), 2)
    with pytest.raises(ValueError, match=r'`truth` with labels in \[0, 2\)'):
        intersection_union(np.zeros(3, int), np.array([0, 1, 2]), 2)


def test_probabilities_are_not_taken_for_labels():
    labels, probabilities = np.ones((2, 3), np.uint8), np.full((2, 3), 0.9)
    with pytest.raises(TypeError, match='`prediction` to hold integers, but got float64'):
        intersection_union(probabilities, labels, 2)
    with pytest.raises(TypeError, match='`truth` to hold integers, but got float64'):
        intersection_union(labels, probabilities, 2)


def test_absent_classes_leave_the_mean():
    assert mean_ratio(np.array([[1, 4], [0, 0], [3, 4]])) == pytest.approx(0.5)
    assert np.isnan(mean_ratio(np.zeros((3, 2))))


def test_bootstrap_samples_equal_resampling_by_hand():
    rng = np.random.default_rng(1)
    bottom = rng.integers(1, 20, (6, 3)).astype(float)
    counts = np.stack([bottom * rng.random((6, 3)), bottom], -1)
    samples = bootstrap_ratio_samples(counts, resamples=4000)
    by_hand = []
    for _ in range(4000):
        chosen = counts[rng.integers(0, 6, 6)].sum(0)
        by_hand.append(np.mean(chosen[:, 0] / chosen[:, 1]))
    assert samples.mean() == pytest.approx(np.mean(by_hand), abs=0.005)
    np.testing.assert_allclose(np.quantile(samples, [0.025, 0.975]), np.quantile(by_hand, [0.025, 0.975]), atol=0.015)


def test_equal_methods_have_no_difference_and_one_image_no_spread():
    counts = np.random.default_rng(2).integers(1, 9, (5, 2, 2))
    np.testing.assert_array_equal(bootstrap_ratio_samples(counts), bootstrap_ratio_samples(counts))
    assert np.ptp(bootstrap_ratio_samples(counts[:1], resamples=50)) == 0
    with pytest.raises(ValueError, match='`counts` of shape'):
        bootstrap_ratio_samples(counts[:0])
    with pytest.raises(ValueError, match='`resamples` to be 1 or more, but got 0'):
        bootstrap_ratio_samples(counts, resamples=0)
    with pytest.raises(ValueError, match='`counts` to be finite'):
        bootstrap_ratio_samples(np.where(counts > 8, np.nan, np.full(counts.shape, np.nan)))
