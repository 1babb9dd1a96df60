from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from mmseg_gen.functional import style_clustering
from mmseg_gen.functional.style_clustering import ClusterSettings, cluster_styles, fit_centers, style_features


def regions(height=18, width=26):
    """Label map of a disc, a bar and the rest, not the same size each."""
    y, x = np.mgrid[:height, :width]
    labels = np.zeros((height, width), np.int64)
    labels[(y - 8) ** 2 + (x - 13) ** 2 < 30] = 1
    labels[:, 22:] = 2
    return labels


def covarying(labels, count=12, spread=0, seed=0):
    """Variations in which each region has one random colour per style; noise up to ``spread`` on each pixel."""
    rng = np.random.default_rng(seed)
    colors = rng.integers(spread, 256 - spread, (count, labels.max() + 1, 3))
    return (colors[:, labels] + rng.integers(-spread, spread + 1, (count, *labels.shape, 3))).astype(np.uint8)


def same_partition(a, b):
    pairs = set(zip(a.ravel().tolist(), b.ravel().tolist(), strict=True))
    return len(pairs) == len(np.unique(a)) == len(np.unique(b))


@pytest.mark.parametrize('backend', ['faiss', 'sklearn'])
@pytest.mark.parametrize('space', ['lab', 'rgb'])
@pytest.mark.parametrize('spread', [0, 20])
def test_regions_that_change_colour_together_are_the_clusters(backend, space, spread):
    labels = regions()
    found = cluster_styles(covarying(labels, spread=spread), ClusterSettings(color_space=space, backend=backend))
    assert found.labels.dtype == np.uint8
    assert same_partition(found.labels, labels)
    # Largest first: the rest, then by size.
    sizes = np.bincount(found.labels.ravel())
    assert (np.diff(sizes) <= 0).all()


def test_labels_distances_and_centres_have_one_order():
    # Six regions of unlike size: no order of six is its own inverse by chance in all of these seeds.
    labels = np.repeat(np.arange(6), [3, 40, 11, 90, 24, 57])[None].repeat(2, 0)
    for seed in range(5):
        images = covarying(labels, seed=seed)
        found = cluster_styles(images, ClusterSettings(clusters=6, seed=seed))
        assert np.bincount(found.labels.ravel()).tolist() == [180, 114, 80, 48, 22, 6]
        np.testing.assert_array_equal(found.distances.argmin(-1), found.labels)
        features = style_features(images).reshape(*labels.shape, -1)
        np.testing.assert_allclose(found.centers[found.labels], features, atol=1e-4)


def test_one_image_alone_cannot_tell_what_many_styles_can():
    # Two regions of one colour in the first variation only.
    labels = regions()
    images = covarying(labels)
    images[0] = 100
    assert same_partition(cluster_styles(images).labels, labels)
    with pytest.raises(ValueError, match='at most 1'):
        cluster_styles(images[:1])


def test_features_equal_a_loop_over_pixels():
    images = np.random.default_rng(0).integers(0, 256, (4, 3, 5, 3)).astype(np.uint8)
    for space in ('rgb', 'lab'):
        found = style_features(images, space).reshape(3, 5, 12)
        for y, x, n in itertools.product(range(3), range(5), range(4)):
            color = (images[n, y, x] / 255).astype(np.float32)[None, None]
            expected = color if space == 'rgb' else cv2.cvtColor(color, cv2.COLOR_RGB2LAB) / 100
            np.testing.assert_allclose(found[y, x, 3 * n : 3 * n + 3], expected[0, 0], atol=1e-6)


@pytest.mark.parametrize('backend', ['faiss', 'sklearn'])
@pytest.mark.parametrize('clusters', [2, 3])
def test_fit_equals_brute_force_over_all_partitions(backend, clusters):
    rng = np.random.default_rng(3)
    points = np.concatenate([rng.normal(m, 0.4, (3, 2)) for m in (0, 2, 5)]).astype(np.float32)
    least = np.inf
    for split in itertools.product(range(clusters), repeat=len(points)):
        groups = [points[np.array(split) == k] for k in range(clusters)]
        if all(len(g) for g in groups):
            least = min(least, sum(((g - g.mean(0)) ** 2).sum() for g in groups))
    settings = ClusterSettings(clusters=clusters, restarts=5, backend=backend)
    centers = fit_centers(points, settings)
    cost = ((points[:, None] - centers) ** 2).sum(2).min(1).sum()
    assert cost == pytest.approx(least, rel=1e-4)


def test_both_backends_agree():
    images = covarying(regions(), spread=90, seed=4)
    for clusters in (2, 3, 4):
        a, b = (cluster_styles(images, ClusterSettings(clusters=clusters, backend=w)) for w in ('faiss', 'sklearn'))
        np.testing.assert_array_equal(a.labels, b.labels)
        np.testing.assert_allclose(a.centers, b.centers, atol=1e-4)


def test_distances_equal_a_loop():
    images = covarying(regions(), spread=30)
    found = cluster_styles(images, ClusterSettings(color_space='rgb'))
    features = images.transpose(1, 2, 0, 3).reshape(18, 26, -1) / 255
    expected = np.stack([np.linalg.norm(features - center, axis=-1) for center in found.centers], -1)
    np.testing.assert_allclose(found.distances, expected, atol=2e-3)
    np.testing.assert_array_equal(found.labels, expected.argmin(-1))


def test_order_of_the_styles_does_not_matter():
    images = covarying(regions(), spread=60)
    shuffled = images[np.random.default_rng(1).permutation(len(images))]
    np.testing.assert_array_equal(cluster_styles(images).labels, cluster_styles(shuffled).labels)


def test_the_seed_decides_and_repeats():
    images = covarying(regions(), spread=127, seed=7)
    settings = [ClusterSettings(clusters=5, max_points=4, seed=s) for s in (0, 0, 1)]
    a, b, c = (cluster_styles(images, s) for s in settings)
    np.testing.assert_array_equal(a.distances, b.distances)
    assert not np.array_equal(a.centers, c.centers)


def test_chunks_give_the_clusters_of_the_whole(monkeypatch):
    images = covarying(regions(), spread=60)
    whole = cluster_styles(images)
    monkeypatch.setattr(style_clustering, '_CHUNK', 36 * 7)
    monkeypatch.setattr(style_clustering, '_PIXELS', 5)
    chunked = cluster_styles(images)
    np.testing.assert_array_equal(chunked.labels, whole.labels)
    np.testing.assert_allclose(chunked.distances, whole.distances, atol=1e-3)


def test_a_sample_that_misses_a_colour_still_finds_it():
    images = np.full((3, 40, 50, 3), 200, np.uint8)
    images[:, 7, 11] = 10
    found = cluster_styles(images, ClusterSettings(clusters=2, max_points=1))
    expected = np.zeros((40, 50), np.uint8)
    expected[7, 11] = 1
    np.testing.assert_array_equal(found.labels, expected)


def test_more_clusters_than_colours_are_refused():
    images = covarying(regions())
    with pytest.raises(ValueError, match=r'`clusters` to be at most 3, .* but got 4'):
        cluster_styles(images, ClusterSettings(clusters=4))


@pytest.mark.parametrize(
    ('settings', 'match'),
    [
        ({'clusters': 1}, '`clusters`'),
        ({'max_points': 0}, '`max_points`'),
        ({'iterations': 0}, '`iterations`'),
        ({'color_space': 'hsv'}, '`color_space`'),
        ({'backend': 'torch'}, '`backend`'),
    ],
)
def test_bad_settings_are_refused(settings, match):
    with pytest.raises(ValueError, match=match):
        ClusterSettings(**settings)


def test_images_are_left_as_they_were():
    images = covarying(regions())
    before = images.copy()
    cluster_styles(images)
    np.testing.assert_array_equal(images, before)
