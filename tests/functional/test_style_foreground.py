from __future__ import annotations

import math

import numpy as np
import pytest

from mmseg_gen.functional.style_clustering import ClusterSettings, cluster_styles
from mmseg_gen.functional.style_foreground import (
    FOUND,
    NO_BACKGROUND,
    NO_FOREGROUND,
    ForegroundSettings,
    corner_parts,
    gaussian_prior,
    label_styles,
    salient_parts,
)
from mmseg_gen.functional.style_stack import StyleStack


def scene(height=20, width=28, shift=0):
    y, x = np.mgrid[:height, :width]
    return (((y - 10) / 6) ** 2 + ((x - 14 - shift) / 8) ** 2 < 1).astype(np.int64)


def stack_of(labels, count=8, seed=0):
    colors = np.random.default_rng(seed).integers(0, 256, (count, labels.max() + 1, 3))
    return StyleStack(colors[:, labels].astype(np.uint8))


def gray(*size):
    return np.full((*size, 3), 128, np.uint8)


def test_prior_equals_a_loop():
    gaussians = ((0.5, 0.4, 0.2, 0.3), (0.1, 0.9, 0.1, 0.05))
    found = gaussian_prior((5, 8), gaussians)
    for y in range(5):
        for x in range(8):
            values = [
                math.exp(-0.5 * (((y + 0.5) / 5 - cy) ** 2 / sy**2 + ((x + 0.5) / 8 - cx) ** 2 / sx**2))
                for cy, cx, sy, sx in gaussians
            ]
            assert found[y, x] == pytest.approx(max(values))


def test_salient_clusters_equal_a_loop():
    rng = np.random.default_rng(0)
    labels, priors = rng.integers(0, 5, (9, 11)), rng.random((3, 9, 11))
    labels[labels == 3] = 2  # cluster 3 has no pixel
    means = [[p[labels == k].mean() if (labels == k).any() else 0 for p in priors] for k in range(5)]
    ranked = sorted(max(row) for row in means)
    threshold = (ranked[2] + ranked[3]) / 2
    found = salient_parts(labels, 5, priors, threshold)
    for k in range(5):
        assert found[k] == (1 + int(np.argmax(means[k])) if max(means[k]) > threshold else 0)
    assert found[3] == 0
    assert np.count_nonzero(found) == 2


@pytest.mark.parametrize('threshold', [0.1, 0.45, 0.8])
def test_corner_clusters_equal_a_loop(threshold):
    labels = np.random.default_rng(1).choice(5, (12, 15), p=[0.5, 0.3, 0.1, 0.06, 0.04])
    found = corner_parts(labels, 5, 4, threshold)
    for k in range(5):
        corners = [sum(labels[y + dy, x + dx] == k for dy in range(4) for dx in range(4))
                   for y in (0, 8) for x in (0, 11)]  # fmt: skip
        assert found[k] == int(all(count < round(threshold * 16) for count in corners))


def test_a_tiny_threshold_needs_one_pixel_at_least():
    labels = np.zeros((8, 8), np.int64)
    labels[3:5, 3:5] = 1
    np.testing.assert_array_equal(corner_parts(labels, 2, 2, 0.01), [0, 1])


@pytest.mark.parametrize('rule', ['saliency', 'corner'])
def test_the_object_in_the_middle_is_found(rule):
    labels = scene()
    found = label_styles(
        stack_of(labels), gray(20, 28), ClusterSettings(clusters=2), ForegroundSettings(foreground=rule)
    )
    assert found.outcome == FOUND
    assert found.labels.dtype == np.uint8
    np.testing.assert_array_equal(found.labels, labels)
    assert found.uncertainty == pytest.approx(0, abs=1e-2)


def test_many_clusters_merge_to_the_parts_of_the_object():
    # Five stripes of their own colours: two make the upper part, one the lower part, and two the background.
    labels = np.repeat(np.arange(5), 4)[:, None] + np.zeros((1, 12), np.int64)
    parts = (((0.2, 0.5, 0.15, 1.0),), ((0.7, 0.5, 0.05, 1.0),))
    settings = ForegroundSettings(parts=parts, saliency_threshold=0.3)
    found = label_styles(stack_of(labels), gray(20, 12), ClusterSettings(clusters=5), settings)
    np.testing.assert_array_equal(found.labels, np.array([1, 1, 0, 2, 0])[labels])


@pytest.mark.parametrize('count', [1, 8])
def test_uncertainty_equals_a_loop(count):
    labels = scene()
    rng = np.random.default_rng(2)
    images = stack_of(labels, count).images + rng.normal(0, 60, (count, 20, 28, 3))
    images = np.clip(images, 0, 255).astype(np.uint8)
    clustering = ClusterSettings(clusters=3)
    found = label_styles(StyleStack(images), gray(20, 28), clustering, ForegroundSettings())
    clusters, ratios = cluster_styles(images, clustering), []
    for y in range(20):
        for x in range(28):
            d, own = clusters.distances[y, x], found.parts[clusters.labels[y, x]]
            ratios.append(min(d[found.parts == own]) / min(d[found.parts != own]))
    assert found.outcome == FOUND
    assert 0 < found.uncertainty < 1
    assert found.uncertainty == pytest.approx(np.mean(ratios), rel=1e-5)


def test_labels_come_at_the_size_of_the_image():
    labels = scene()
    found = label_styles(stack_of(labels), gray(60, 84), ClusterSettings(clusters=2), ForegroundSettings())
    assert found.labels.shape == (60, 84)
    np.testing.assert_array_equal(found.labels[1::3, 1::3], labels)
    assert found.labels.mean() == pytest.approx(labels.mean(), abs=0.02)


@pytest.mark.parametrize('use_image', [False, True])
def test_the_image_itself_counts_only_if_asked(use_image):
    # The stack knows two regions, the image splits one of them.
    labels = scene()
    image = gray(20, 28)
    image[:, :4] = 0
    settings = ForegroundSettings(use_image=use_image)
    stack = stack_of(labels, count=1)
    if use_image:
        assert label_styles(stack, image, ClusterSettings(clusters=3), settings).outcome == FOUND
    else:
        with pytest.raises(ValueError, match='at most 2'):
            label_styles(stack, image, ClusterSettings(clusters=3), settings)


def test_no_confident_side_is_a_named_outcome():
    clustering = ClusterSettings(clusters=2)
    halves = np.zeros((20, 28), np.int64)
    halves[:, 14:] = 1
    cases = {
        NO_FOREGROUND: (halves, ForegroundSettings(foreground='corner')),
        NO_BACKGROUND: (halves, ForegroundSettings(saliency_threshold=0.1)),
    }
    for outcome, (labels, settings) in cases.items():
        found = label_styles(stack_of(labels), gray(20, 28), clustering, settings)
        assert (found.outcome, found.uncertainty) == (outcome, 1.0)
        assert found.labels.shape == (20, 28)
        assert not found.labels.any()


@pytest.mark.parametrize(
    ('settings', 'match'),
    [
        ({'foreground': 'center'}, '`foreground`'),
        ({'saliency_threshold': 1.1}, '`saliency_threshold`'),
        ({'corner_size': 0.0}, '`corner_size`'),
        ({'corner_threshold': 0.0}, '`corner_threshold`'),
        ({'parts': ()}, '`parts`'),
        ({'parts': (((0.5, 0.5, 0.0, 0.1),),)}, '`parts`'),
        ({'parts': (((0.5, 0.5, 0.1),),)}, '`parts`'),
    ],
)
def test_bad_settings_are_refused(settings, match):
    with pytest.raises(ValueError, match=match):
        ForegroundSettings(**settings)
