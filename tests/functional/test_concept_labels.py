"""Labels of several concepts against loops over pixels, and their outcomes."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_gen.functional import concept_labels
from mmseg_gen.functional.concept_labels import (
    ConceptLabels,
    MixtureSettings,
    label_concepts,
    refine_labels,
    relative_deviation,
)
from mmseg_gen.functional.gaussian_mixture import MixtureMask, mixture_mask

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


def test_ties_go_to_the_higher_value_by_the_own_scale_then_to_the_first(monkeypatch):
    # Few posteriors and few values, so that many pixels tie; 0 and 1 among them.
    rng = np.random.default_rng(4)
    maps = rng.choice([0.25, 0.5, 0.75], (3, *SIZE)).astype(np.float32)
    maps[1] = 8 * maps[0]  # a tie by the own scale too
    posteriors = rng.choice([0.0, 0.5, 1.0], maps.shape).astype(np.float32)
    posteriors[1] = np.where(rng.random(SIZE) < 0.7, posteriors[0], posteriors[1])
    masks = rng.random(maps.shape) < 0.6
    masks[1] = masks[0]
    made = [MixtureMask(mask, posterior, 'found') for mask, posterior in zip(masks, posteriors, strict=True)]
    given = iter(made)
    monkeypatch.setattr(concept_labels, 'mixture_mask', lambda *args, **options: next(given))
    found = label_concepts(maps).labels
    ties = 0
    for y, x in np.ndindex(SIZE):
        keys = []
        for k in range(3):
            low, high = (maps[k][m].mean(dtype=np.float64) for m in (~masks[k], masks[k]))
            scaled = (maps[k][y, x] - low) / max(abs(high - low), np.finfo(float).tiny)
            keys.append((posteriors[k][y, x], scaled) if masks[k][y, x] else None)
        inside = [key for key in keys if key is not None]
        top = max(inside, default=None)
        assert found[y, x] == (0 if top is None else 1 + keys.index(top))
        ties += sum(key[0] == top[0] for key in inside) > 1 if inside else 0
    assert ties > 20


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
    one = refine_labels(difference, np.where(preliminary == 1, preliminary, 0), MixtureSettings(orphans=False))
    np.testing.assert_array_equal(one.labels, np.where(expected == 1, expected, 0))
    assert one.outcome == 'found'


def test_a_photo_that_does_not_change_has_an_outcome():
    preliminary = np.ones(SIZE, np.uint8)
    assert refine_labels(np.zeros(SIZE, np.float32), preliminary).outcome == 'constant'
    elsewhere = np.zeros(SIZE, np.uint8)
    elsewhere[:3, :3] = 1
    empty = refine_labels(blob((8, 14)), elsewhere)
    assert (empty.outcome, empty.uncertainty) == ('empty', 1)


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
