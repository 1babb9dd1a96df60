import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, jaccard_score, recall_score
from sklearn.metrics import confusion_matrix as sklearn_confusion

from mmseg_gen.functional.region_counts import (
    class_accuracy,
    class_iou,
    confusion_matrix,
    image_iou,
    mask_iou,
    mean_of_present,
    total_accuracy,
)


def draw(seed=0, size=(13, 22), classes=5, dtype=np.uint8, ignore=255):
    rng = np.random.default_rng(seed)
    prediction, truth = rng.integers(0, classes, (2, *size))
    truth[rng.random(size) < 0.1] = ignore
    return prediction.astype(dtype), truth.astype(dtype)


def blobs(size=(37, 53)):
    rows, columns = np.mgrid[: size[0], : size[1]]
    truth = ((rows // 9 + columns // 17) % 3).astype(np.uint8)
    truth[5:8, :30] = 255
    return np.roll(truth, (2, 3), (0, 1)) % 3, truth


@pytest.mark.parametrize('dtype', [np.uint8, np.int64, np.int32, np.uint16])
@pytest.mark.parametrize('scene', [draw, blobs])
def test_counts_equal_a_loop_for_every_dtype(dtype, scene):
    prediction, truth = (labels.astype(dtype) for labels in scene())
    expected = np.zeros((5, 5), np.int64)
    for i in range(truth.shape[0]):
        for j in range(truth.shape[1]):
            if truth[i, j] != 255:
                expected[truth[i, j], prediction[i, j]] += 1
    found = confusion_matrix(prediction, truth, 5)
    assert found.dtype == np.int64
    assert (found == expected).all()


@pytest.mark.parametrize(('dtype', 'ignore'), [(np.uint8, 255), (np.int64, 255), (np.int64, -1), (np.uint8, 2)])
def test_scores_equal_sklearn(dtype, ignore):
    prediction, truth = draw(1, dtype=dtype, ignore=ignore)
    confusion = confusion_matrix(prediction, truth, 5, ignore_index=ignore)
    pairs = truth[truth != ignore], prediction[truth != ignore]
    labels = [c for c in range(5) if c in pairs[0] or c in pairs[1]]
    assert (confusion == sklearn_confusion(*pairs, labels=range(5))).all()
    assert class_iou(confusion)[labels] == pytest.approx(jaccard_score(*pairs, average=None, labels=labels))
    assert total_accuracy(confusion) == pytest.approx(accuracy_score(*pairs))
    seen = sorted(set(pairs[0].tolist()))
    assert class_accuracy(confusion)[seen] == pytest.approx(
        recall_score(*pairs, average=None, labels=seen, zero_division=0)
    )


def test_bool_masks_count_as_two_classes_and_inputs_stay():
    prediction, truth = np.array([[True, True, False]]), np.array([[True, False, False]])
    assert confusion_matrix(prediction, truth, 2).tolist() == [[1, 1], [0, 1]]
    assert prediction.dtype == bool
    view = np.zeros((4, 6), np.uint8)[:, ::2]
    assert confusion_matrix(view, view, 2).tolist() == [[12, 0], [0, 0]]


def test_counting_in_parts_changes_nothing(monkeypatch):
    monkeypatch.setattr('mmseg_gen.functional.region_counts._EXACT', 7)
    prediction, truth = draw(2)
    whole = confusion_matrix(prediction, truth, 5)
    monkeypatch.undo()
    assert (whole == confusion_matrix(prediction, truth, 5)).all()


def test_iou_of_two_masks_equals_sklearn_and_is_1_for_empty_ones():
    first, second = np.random.default_rng(3).random((2, 6, 9)) < 0.4
    assert mask_iou(first, second) == pytest.approx(jaccard_score(first.ravel(), second.ravel()))
    empty = np.zeros_like(first)
    assert (mask_iou(first, empty), mask_iou(empty, empty)) == (0.0, 1.0)


def test_an_absent_class_is_nan_and_a_false_alarm_zero():
    confusion = confusion_matrix(np.array([0, 1, 0]), np.array([0, 0, 0]), 4)
    assert class_iou(confusion).tolist() == pytest.approx([2 / 3, 0, math.nan, math.nan], nan_ok=True)
    assert class_accuracy(confusion).tolist() == pytest.approx([2 / 3] + [math.nan] * 3, nan_ok=True)
    assert mean_of_present(class_iou(confusion)) == pytest.approx(1 / 3)
    assert image_iou(confusion) == pytest.approx(1 / 3)


def test_nothing_counted_is_nan():
    confusion = confusion_matrix(np.array([9, 3]), np.array([255, 255]), 4)
    assert not confusion.any()
    assert math.isnan(image_iou(confusion))
    assert math.isnan(total_accuracy(confusion))


def test_scores_of_a_batch_equal_those_of_each():
    batch = np.stack([confusion_matrix(*draw(seed), 5) for seed in range(3)])
    for one, iou, accuracy in zip(batch, class_iou(batch), total_accuracy(batch), strict=True):
        assert iou.tolist() == class_iou(one).tolist()
        assert accuracy == total_accuracy(one)


@pytest.mark.parametrize('dtype', [np.uint8, np.int64])
def test_labels_out_of_range_are_refused_where_they_count(dtype):
    prediction, truth = draw(dtype=dtype)
    for name, labels in (('truth', truth), ('prediction', prediction)):
        wrong = labels.copy()
        wrong[0, 0], known = 37, truth.copy()
        known[0, 0] = 1
        pair = (prediction, wrong) if name == 'truth' else (wrong, known)
        with pytest.raises(ValueError, match=rf'`{name}` in \[0, 4\].* but got 37'):
            confusion_matrix(*pair, 5)
    prediction[truth == 255] = 37
    confusion_matrix(prediction, truth, 5)
    if dtype == np.int64:
        with pytest.raises(ValueError, match='but got -3'):
            confusion_matrix(np.full_like(truth, -3), truth, 5)


def test_a_negative_byte_is_no_255():
    prediction, truth = np.array([0, 1, 0], np.int8), np.array([0, 1, -1], np.int8)
    assert confusion_matrix(prediction, truth, 2, ignore_index=-1).tolist() == [[1, 0], [0, 1]]
    with pytest.raises(ValueError, match='but got -1'):
        confusion_matrix(prediction, truth, 2, ignore_index=255)


def test_other_sizes_and_scores_are_refused():
    prediction, truth = draw()
    with pytest.raises(ValueError, match=r'shape of `truth`, \(13, 22\), but got \(12, 22\)'):
        confusion_matrix(prediction[1:], truth, 5)
    with pytest.raises(TypeError, match='`prediction` to hold integers, but got float64'):
        confusion_matrix(prediction.astype(float), truth, 5)


@pytest.mark.parametrize('run', [1, 3, 40])
def test_runs_of_any_length_count_like_single_pixels(run):
    rng = np.random.default_rng(run)
    truth, prediction = (np.repeat(rng.integers(0, 4, 60), run).astype(np.uint8) for _ in range(2))
    truth[: 2 * run] = 255
    prediction[: 2 * run] = 77
    expected = np.zeros((4, 4), np.int64)
    for true, predicted in zip(truth.tolist(), prediction.tolist(), strict=True):
        if true != 255:
            expected[true, predicted] += 1
    assert (confusion_matrix(prediction, truth, 4) == expected).all()
    prediction[-1] = 4
    with pytest.raises(ValueError, match=r'`prediction` in .0, 3., but got 4'):
        confusion_matrix(prediction, truth, 4)
