"""Stored masks scored against loops over pixels."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_gen.errors import UserError
from mmseg_gen.evaluation.stored_masks import evaluate_masks
from mmseg_gen.evaluation.truth_sets import open_mask_folder
from tests.evaluation.stored_cases import SIZE, iou_by_counting, save


def binary_truth(folder):
    return open_mask_folder(folder / 'gt')


def test_class_iou_of_index_maps_equals_counting(index_case):
    folder, pairs = index_case
    scores = evaluate_masks(folder / 'pred', open_mask_folder(folder / 'gt', ('bg', 'a', 'b', 'c')))
    expected = [iou_by_counting(pairs, label) for label in range(4)]
    for name, value in zip(('bg', 'a', 'b'), expected, strict=False):
        assert scores.metrics[f'class/IoU/{name}'] == pytest.approx(value)
    assert np.isnan(scores.metrics['class/IoU/c'])
    assert scores.metrics['class/mIoU'] == pytest.approx(np.mean(expected[:3]))
    assert scores.num_images == 5
    assert scores.intervals == {}
    assert scores.as_json()['metrics']['class/IoU/c'] == {'value': None}


def test_binary_scores_and_their_intervals(binary_case):
    folder, pairs = binary_case
    scores = evaluate_masks(folder / 'pred', binary_truth(folder))
    each = [iou_by_counting([pair], 1) for pair in pairs]
    assert scores.metrics['binary/IoU_fg_per_image'] == pytest.approx(np.mean(each))
    assert scores.metrics['sal/IoU'] == pytest.approx(np.mean(each))
    assert scores.metrics['binary/IoU_fg_pooled'] == pytest.approx(iou_by_counting(pairs, 1))
    low, high = scores.intervals['binary/IoU_fg_per_image']
    assert min(each) <= low < np.mean(each) < high <= max(each)
    # Of six images the interval is known to be about two standard errors.
    assert high - low == pytest.approx(2 * 1.96 * np.std(each) / np.sqrt(6), rel=0.25)
    assert 'binary/IoU_fg_pooled' not in scores.intervals
    assert 'sal/maxF' not in scores.intervals


@pytest.mark.parametrize('form', ['labels', 'npy labels', 'npy bool', 'rgb', 'subfolder'])
def test_all_forms_of_a_mask_score_alike(binary_case, form):
    folder, pairs = binary_case
    expected = evaluate_masks(folder / 'pred', binary_truth(folder)).metrics
    out = folder / 'other'
    (out / 'deep').mkdir(parents=True)
    for number, (predicted, _) in enumerate(pairs):
        labels = predicted.astype(np.uint8)
        if form == 'labels':
            save(out / f'{number}.png', labels)
        elif form == 'rgb':
            save(out / f'{number}.png', np.repeat(labels[..., None] * np.uint8(255), 3, axis=-1))
        elif form == 'subfolder':
            save(out / 'deep' / f'{number}.png', labels * np.uint8(255))
        else:
            np.save(out / f'{number}.npy', labels.astype(np.int64) if form == 'npy labels' else predicted)
    assert evaluate_masks(out, binary_truth(folder)).metrics == pytest.approx(expected)


def test_soft_predictions_are_used_as_probabilities(binary_case):
    folder, pairs = binary_case
    rng = np.random.default_rng(2)
    (folder / 'soft').mkdir()
    errors = []
    for number, (_, truth) in enumerate(pairs):
        soft = np.clip(truth * 0.6 + rng.random(SIZE) * 0.4, 0, 1).astype(np.float32)
        np.save(folder / 'soft' / f'{number}.npy', soft)
        errors.append(np.abs(soft - truth).mean())
    scores = evaluate_masks(folder / 'soft', binary_truth(folder)).metrics
    assert scores['sal/MAE'] == pytest.approx(np.mean(errors), abs=1e-6)
    assert scores['sal/AUC'] == pytest.approx(1.0)
    assert scores['binary/IoU_fg_pooled'] == pytest.approx(1.0)


def test_grey_maps_are_probabilities_too(binary_case):
    folder, pairs = binary_case
    for number, (_, truth) in enumerate(pairs):
        save(folder / 'grey' / f'{number}.png', np.where(truth, 204, 51).astype(np.uint8))
    scores = evaluate_masks(folder / 'grey', binary_truth(folder)).metrics
    assert scores['sal/MAE'] == pytest.approx(0.2, abs=1e-6)


def test_missing_predictions(binary_case):
    folder, pairs = binary_case
    (folder / 'pred/0.png').unlink()
    truth = binary_truth(folder)
    with pytest.raises(UserError, match=r'for each of the 6 images .* 1 have none in .*: 0\.'):
        evaluate_masks(folder / 'pred', truth)
    skipped = evaluate_masks(folder / 'pred', truth, missing='skip')
    assert (skipped.num_images, skipped.missing) == (5, ['0'])
    counted = evaluate_masks(folder / 'pred', truth, missing='background')
    assert counted.num_images == 6
    each = [iou_by_counting([pair], 1) for pair in pairs]
    assert skipped.metrics['sal/IoU'] == pytest.approx(np.mean(each[1:]))
    assert counted.metrics['sal/IoU'] == pytest.approx(np.sum(each[1:]) / 6)


def test_extra_files_are_listed_and_suffixes_taken_off(binary_case):
    folder, pairs = binary_case
    for number, (predicted, _) in enumerate(pairs):
        save(folder / 'out' / f'{number}_mask.png', predicted.astype(np.uint8) * 255)
        save(folder / 'out' / f'{number}_overlay.png', np.zeros((*SIZE, 3), np.uint8))
    save(folder / 'out/other_mask.png', np.zeros(SIZE, np.uint8))
    scores = evaluate_masks(folder / 'out', binary_truth(folder), suffix='_mask')
    assert scores.num_images == 6
    assert scores.extra == [str(folder / 'out/other_mask.png')]
