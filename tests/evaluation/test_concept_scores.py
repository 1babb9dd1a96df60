"""Scores of a run's steps against counting by loops."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mmseg_gen.errors import UserError
from mmseg_gen.evaluation.concept_scores import map_auc, read_truth, score_step, step_difference
from mmseg_gen.functional.photo_records import PhotoRecord

RNG = np.random.default_rng(0)


def loop_iou(found, truth, label):
    both = either = 0
    for a, b in zip(found.ravel(), truth.ravel(), strict=True):
        both += a == label and b == label
        either += a == label or b == label
    return both, either


def test_iou_is_counted_by_photo_and_pooled():
    truth = {name: RNG.integers(0, 3, (5, 7)).astype(np.uint8) for name in 'abc'}
    truth['c'][truth['c'] == 2] = 0
    found = {name: RNG.integers(0, 3, (5, 7)).astype(np.uint8) for name in 'ab'}
    scores = score_step(found.get, truth, 3)
    given = {**found, 'c': np.zeros((5, 7))}
    own = []
    for name in 'abc':
        pairs = [loop_iou(given[name], truth[name], label) for label in (1, 2)]
        own.append(np.mean([both / either for both, either in pairs if either]))
    np.testing.assert_allclose(scores.iou, own)
    totals = [np.sum([loop_iou(given[n], truth[n], label) for n in 'abc'], 0) for label in (0, 1, 2)]
    ratios = [both / either for both, either in totals]
    summary = scores.summary()
    assert summary['miou_pooled']['mean'] == pytest.approx(np.mean(ratios), abs=1e-4)
    assert summary['iou_pooled']['mean'] == pytest.approx(np.mean(ratios[1:]), abs=1e-4)
    low, high = summary['iou']['ci95']
    assert low <= summary['iou']['mean'] <= high


def test_an_empty_photo_left_empty_is_right_and_a_perfect_step_beats_nothing():
    truth = {'a': np.zeros((4, 4), np.uint8), 'b': np.eye(4, dtype=np.uint8)}
    perfect = score_step(truth.get, truth, 2)
    nothing = score_step(lambda name: None, truth, 2)
    np.testing.assert_array_equal(perfect.iou, [1, 1])
    np.testing.assert_array_equal(nothing.iou, [1, 0])
    assert step_difference(perfect, nothing)['mean'] == 0.5


def test_auc_counts_pairs(tmp_path):
    truth = {'a': RNG.random((6, 9)) > 0.5}
    values = RNG.random((1, 6, 9)).astype(np.float16)
    np.save(tmp_path / 'a.npy', values)
    records = {'a': PhotoRecord('a', 'a', 'found', {'map': ('a.npy', 0)})}
    inside, outside = values[0][truth['a']], values[0][~truth['a']]
    wins = np.mean([(i > o) + 0.5 * (i == o) for i in inside for o in outside])
    found = map_auc(records, tmp_path, {'a': truth['a'].astype(np.uint8)}, 2)
    assert found['mean'] == pytest.approx(wins, abs=1e-4)
    assert map_auc({}, tmp_path, {'a': truth['a'].astype(np.uint8)}, 2) is None


def test_truth_is_found_by_name_and_checked(tmp_path):
    cv2.imwrite(str(tmp_path / 'b.png'), np.eye(5, dtype=np.uint8) * 255)
    found = read_truth(tmp_path, ['deep/b', 'c'], 2)
    np.testing.assert_array_equal(found['deep/b'], np.eye(5))
    with pytest.raises(UserError, match='none'):
        read_truth(tmp_path, ['c'], 2)
    cv2.imwrite(str(tmp_path / 'b.png'), np.full((5, 5), 9, np.uint8))
    with pytest.raises(UserError, match='labels 0 to 2'):
        read_truth(tmp_path, ['b'], 3)
