"""Labels of several concepts against loops over pixels, their outcomes, and resizing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mmseg_gen.functional.canvas import resize_mask
from mmseg_gen.functional.concept_labels import (
    ConceptLabels,
    MixtureSettings,
    label_concepts,
    refine_labels,
    relative_deviation,
    resize_labels,
)
from mmseg_gen.functional.gaussian_mixture import mixture_mask

SIZE = (11, 17)


def blob(center, width=3.0, height=1.0, noise=0.02, seed=0):
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    distance = (rows - center[0]) ** 2 + (columns - center[1]) ** 2
    values = height * (distance < width**2) + noise * np.random.default_rng(seed).random(SIZE)
    return (0.03 + 0.1 * values).astype(np.float32)


def loop_labels(maps, rule, orphans):
    """Visit every pixel: among the concepts whose mask has it, the largest posterior, then the largest own scale."""
    found = [mixture_mask(m, rule=rule, orphans=orphans) for m in maps]
    out = np.zeros(SIZE, int)
    for row in range(SIZE[0]):
        for column in range(SIZE[1]):
            best = None
            for k, (values, own) in enumerate(zip(maps, found, strict=True)):
                if own.outcome != 'found' or not own.mask[row, column]:
                    continue
                inside = [float(values[i, j]) for i, j in np.ndindex(SIZE) if own.mask[i, j]]
                outside = [float(values[i, j]) for i, j in np.ndindex(SIZE) if not own.mask[i, j]]
                low, high = np.mean(outside), np.mean(inside)
                key = (float(own.posterior[row, column]), (float(values[row, column]) - low) / (high - low))
                if best is None or key > best:
                    best, out[row, column] = key, k + 1
    return out


@pytest.mark.parametrize('rule', ['means', 'posterior'])
@pytest.mark.parametrize('orphans', [True, False])
def test_overlapping_concepts_go_to_the_more_probable_one(rule, orphans):
    maps = np.stack([blob((5, 5)), blob((5, 9), height=0.7, seed=1), blob((5, 14), seed=2)])
    found = label_concepts(maps, MixtureSettings(rule=rule, orphans=orphans))
    np.testing.assert_array_equal(found.labels, loop_labels(maps, rule, orphans))
    assert set(np.unique(found.labels)) == {0, 1, 2, 3}
    assert found.outcome == 'found'
    assert 0 <= found.uncertainty < 0.2


def test_one_concept_is_its_mixture_mask_at_any_scale():
    values = blob((4, 8))
    for scale in (1.0, 1e-3, 1e4):
        found = label_concepts(values[None] * np.float32(scale))
        np.testing.assert_array_equal(found.labels > 0, mixture_mask(values).mask)


def test_a_concept_that_is_not_there_leaves_the_others():
    maps = np.stack([np.full(SIZE, 0.1, np.float32), blob((5, 9)), blob((5, 3), height=0.01, noise=0.001)])
    found = label_concepts(maps, MixtureSettings(min_contrast=0.05))
    assert found.outcomes == ('no_object', 'found', 'no_object')
    assert set(np.unique(found.labels)) == {0, 2}


def test_nothing_found_has_the_first_outcome_and_no_label():
    found = label_concepts(np.stack([np.full(SIZE, 0.1, np.float32)] * 2))
    assert found.outcomes == ('constant', 'constant')
    assert found.outcome == 'constant'
    assert not found.labels.any()
    assert found.uncertainty == 1


def test_relative_deviation_is_that_of_numpy_and_0_for_zeros():
    values = blob((5, 5))
    assert relative_deviation(values) == pytest.approx(np.std(values.astype(float)) / np.mean(values.astype(float)))
    assert relative_deviation(np.zeros(SIZE)) == 0


def test_refined_labels_keep_what_differs_and_its_class():
    preliminary = np.zeros(SIZE, np.uint8)
    preliminary[2:9, 2:8], preliminary[2:9, 8:15] = 1, 2
    difference = np.zeros(SIZE, np.float32) + 0.01
    difference[3:7, 4:12] = 0.5
    difference[3:7, 15:17] = 0.5
    found = refine_labels(difference, preliminary, MixtureSettings(orphans=False))
    expected = np.zeros(SIZE, int)
    expected[3:7, 4:8], expected[3:7, 8:12] = 1, 2
    np.testing.assert_array_equal(found.labels, expected)
    assert found.outcome == 'found'


def test_a_photo_that_does_not_change_has_an_outcome():
    preliminary = np.ones(SIZE, np.uint8)
    assert refine_labels(np.zeros(SIZE, np.float32), preliminary).outcome == 'constant'
    elsewhere = np.zeros(SIZE, np.uint8)
    elsewhere[:3, :3] = 1
    assert refine_labels(blob((8, 14)), elsewhere).outcome == 'empty'


@pytest.mark.parametrize('size', [(23, 31), (5, 7), (11, 17), (40, 9)])
def test_resized_labels_have_the_largest_share(size):
    rng = np.random.default_rng(1)
    labels = rng.choice([0, 2, 5], SIZE).astype(np.uint8)
    shrinks = size[0] <= SIZE[0] and size[1] <= SIZE[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    shares = [cv2.resize((labels == v).astype(np.float32), size[::-1], interpolation=how) for v in (0, 2, 5)]
    expected = np.array([0, 2, 5])[np.argmax(shares, 0)]
    found = resize_labels(labels, size)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.uint8


def test_two_resized_labels_are_a_resized_mask():
    mask = np.random.default_rng(2).random(SIZE) > 0.6
    np.testing.assert_array_equal(resize_labels(mask.astype(np.uint8), (20, 33)) > 0, resize_mask(mask, (20, 33)))


def test_inputs_stay_and_wrong_ones_are_refused():
    maps = np.stack([blob((5, 5))])
    before = maps.copy()
    assert isinstance(label_concepts(maps), ConceptLabels)
    np.testing.assert_array_equal(maps, before)
    with pytest.raises(ValueError, match='`maps` of shape'):
        label_concepts(maps[0])
    with pytest.raises(ValueError, match='`preliminary` of shape'):
        refine_labels(maps[0], np.zeros((3, 3), np.uint8))
    with pytest.raises(ValueError, match='`rule`'):
        MixtureSettings(rule='median')
    with pytest.raises(ValueError, match='`min_contrast`'):
        MixtureSettings(min_contrast=-1)
