import math

import numpy as np
import pytest

from mmseg_gen.functional.mask_statistics import color_contrast, data_set_statistics, mask_statistics


def scene(left=8, size=(40, 64)):
    mask = np.zeros(size, bool)
    mask[10:30, left : left + 16] = True
    image = np.zeros((*size, 3), np.uint8)
    image[mask] = (200, 30, 30)
    return image, mask


def test_a_square_has_the_numbers_one_can_count():
    found = mask_statistics(*scene())
    assert found.object_size == 320 / 2560
    assert (found.shape_complexity, found.polygon_length) == (4, 4)
    assert found.center == (16 / 64, 20 / 40)
    assert found.color_contrast == 1
    assert found.coverage.shape == (32, 32)
    assert found.coverage.mean() == pytest.approx(found.object_size)
    assert found.coverage[8, 4] == 1
    assert found.coverage[0].max() == 0


def test_outline_and_centre_are_of_the_largest_part_and_size_of_all():
    image, mask = scene()
    mask[35:39, 50:54] = True
    found = mask_statistics(image, mask)
    assert found.center == (16 / 64, 20 / 40)
    assert found.object_size == 336 / 2560


def test_contrast_equals_a_loop_over_bins():
    rng = np.random.default_rng(0)
    image, mask = rng.integers(0, 256, (20, 31, 3), np.uint8), rng.random((20, 31)) < 0.3
    histograms = {}
    for value in (True, False):
        counts = {}
        for pixel in image[mask == value] // 32:
            counts[tuple(pixel)] = counts.get(tuple(pixel), 0) + 1
        histograms[value] = {k: v / (mask == value).sum() for k, v in counts.items()}
    expected = 0.0
    for key in histograms[True].keys() | histograms[False].keys():
        f, b = (histograms[value].get(key, 0) for value in (True, False))
        expected += (f - b) ** 2 / (f + b) / 2
    assert color_contrast(image, mask) == pytest.approx(expected)


def test_contrast_of_one_colour_is_zero_and_of_one_side_nan():
    image, mask = np.full((6, 7, 3), 9, np.uint8), np.zeros((6, 7), bool)
    assert math.isnan(color_contrast(image, mask))
    assert math.isnan(color_contrast(image, ~mask))
    mask[2] = True
    assert color_contrast(image, mask) == 0


def test_an_empty_mask_has_no_centre_and_no_outline():
    found = mask_statistics(None, np.zeros((5, 6), bool))
    assert found.center is None
    assert found.object_size == 0
    assert len(found.polygon) == 0
    assert math.isnan(found.shape_complexity)
    assert math.isnan(found.color_contrast)


def test_a_set_collects_the_numbers_and_counts_the_empty():
    lefts = (0, 24, 48)
    parts = [mask_statistics(*scene(left)) for left in lefts]
    found = data_set_statistics(iter([*parts, mask_statistics(None, np.zeros((5, 6), bool))]))
    assert found.empty == 1
    assert found.centers.tolist() == [[(left + 8) / 64, 0.5] for left in lefts]
    corner = math.hypot(1, 1)
    assert found.center_distance == pytest.approx([abs(2 * (left + 8) / 64 - 1) / corner for left in lefts])
    assert found.center_map == pytest.approx(np.mean([p.coverage for p in parts], axis=0))
    assert found.object_size.tolist() == [0.125] * 3
    assert found.shape_diversity == 0
    assert len(found.pair_distances) == 3


def test_diversity_is_the_mean_distance_of_pairs():
    rows, columns = np.mgrid[:40, :64]
    shapes = [scene()[1], np.hypot(rows - 20, columns - 30) < 15, (rows > 8) & (columns > 10) & (rows + columns < 60)]
    parts = [mask_statistics(None, shape) for shape in shapes]
    expected = []
    for i in range(3):
        for j in range(i):
            a, b = parts[i].polygon.astype(float), parts[j].polygon.astype(float)
            expected.append(
                sum(min(((p - q) ** 2).sum() for q in b) for p in a)
                + sum(min(((p - q) ** 2).sum() for p in a) for q in b)
            )
    assert data_set_statistics(parts).shape_diversity == pytest.approx(np.mean(expected))
    assert math.isnan(data_set_statistics(parts[:1]).shape_diversity)


def test_bad_input_is_refused():
    image, mask = scene()
    with pytest.raises(TypeError, match='`mask` to be a bool array, but got uint8'):
        mask_statistics(image, mask.astype(np.uint8))
    with pytest.raises(ValueError, match=r'size of `mask`, \(40, 64\), but got \(39, 64\)'):
        mask_statistics(image[1:], mask)
    with pytest.raises(ValueError, match='shows an object, but got 0 empty ones'):
        data_set_statistics([])
    with pytest.raises(ValueError, match='`max_pairs` of at least 1'):
        data_set_statistics([mask_statistics(image, mask)], max_pairs=0)


def test_coverage_is_the_share_of_each_cell():
    mask = np.random.default_rng(0).random((64, 96)) < 0.4
    expected = mask.reshape(32, 2, 32, 3).mean((1, 3))
    np.testing.assert_allclose(mask_statistics(None, mask).coverage, expected, atol=1e-6)


@pytest.mark.parametrize('size', [(20, 640), (7, 5), (640, 20), (33, 31)])
def test_coverage_of_narrow_images_is_the_share_of_area(size):
    mask = np.random.default_rng(0).random(size) < 0.4
    mask[:, ::2] = True
    shares = []
    for side in size:
        low, high = np.arange(32)[:, None] * side / 32, (np.arange(32)[:, None] + 1) * side / 32
        pixel = np.arange(side)[None]
        shares.append(np.clip(np.minimum(high, pixel + 1) - np.maximum(low, pixel), 0, None) * 32 / side)
    expected = shares[0] @ mask @ shares[1].T
    np.testing.assert_allclose(mask_statistics(None, mask).coverage, expected, atol=1e-5)
