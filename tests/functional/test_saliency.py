import math

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, fbeta_score, jaccard_score, roc_auc_score

from mmseg_gen.functional.saliency import (
    auc_roc,
    f_beta,
    foreground_iou,
    histogram_auc,
    max_f_beta,
    mean_absolute_error,
    pixel_accuracy,
    precision_recall,
    precision_recall_histogram,
)


def draw(seed=0, size=(13, 17)):
    generator = torch.Generator().manual_seed(seed)
    target = torch.rand(size, generator=generator) > 0.6
    scores = (0.3 * target + 0.7 * torch.rand(size, generator=generator)).clamp(0, 1)
    return scores, target


def test_accuracy_and_iou_equal_sklearn():
    scores, target = draw()
    prediction = scores > 0.5
    assert foreground_iou(prediction, target) == pytest.approx(jaccard_score(target.flatten(), prediction.flatten()))
    assert pixel_accuracy(prediction, target) == pytest.approx(np.mean((prediction == target).numpy()))


@pytest.mark.parametrize(
    ('prediction', 'target', 'expected'), [(False, False, 1.0), (True, False, 0.0), (False, True, 0.0)]
)
def test_iou_of_empty_and_full_masks(prediction, target, expected):
    masks = torch.full((3, 4), prediction), torch.full((3, 4), target)
    assert foreground_iou(*masks) == expected


def test_mean_absolute_error_equals_numpy():
    scores, target = draw()
    expected = np.abs(scores.double().numpy() - target.numpy()).mean()
    assert mean_absolute_error(scores, target) == pytest.approx(expected)


def test_precision_and_recall_equal_a_loop_over_thresholds():
    scores, target = draw()
    precision, recall = precision_recall(*precision_recall_histogram(scores, target))
    assert len(precision) == 255
    for i, threshold in enumerate(torch.linspace(0, 1, 255, dtype=torch.float64)):
        chosen = scores.double() >= threshold
        hits = (chosen & target).sum().item()
        assert precision[i].item() == pytest.approx(hits / max(1, chosen.sum().item()))
        assert recall[i].item() == pytest.approx(hits / target.sum().item())


def test_histogram_counts_every_pixel_and_both_ends():
    scores, target = torch.tensor([0.0, 1.0, 1.0, 0.5]), torch.tensor([True, True, False, False])
    positives, negatives = precision_recall_histogram(scores, target)
    assert positives[0] == positives[254] == negatives[254] == negatives[127] == 1
    assert positives.sum() + negatives.sum() == 4


def test_f_equals_sklearn_and_is_zero_for_nothing():
    scores, target = draw()
    prediction = scores > 0.5
    precision = (prediction & target).sum() / prediction.sum()
    recall = (prediction & target).sum() / target.sum()
    expected = fbeta_score(target.flatten(), prediction.flatten(), beta=math.sqrt(0.3))
    assert f_beta(precision, recall).item() == pytest.approx(expected, rel=1e-5)
    assert f_beta(precision, recall, 1.0).item() == pytest.approx(
        f1_score(target.flatten(), prediction.flatten()), rel=1e-5
    )
    assert f_beta(torch.zeros(1), torch.zeros(1)).item() == 0


def test_max_f_is_the_maximum_of_the_mean_curve():
    images = [draw(seed, (9, 8 + seed)) for seed in range(4)]
    curves = []
    for scores, target in images:
        curve = []
        for threshold in np.linspace(0, 1, 255):
            chosen = scores.double().numpy() >= threshold
            hits = (chosen & target.numpy()).sum()
            below = 0.3 * target.numpy().sum() + chosen.sum()
            curve.append(1.3 * hits / below)
        curves.append(curve)
    histograms = [torch.stack(h) for h in zip(*(precision_recall_histogram(*i) for i in images), strict=True)]
    assert max_f_beta(*histograms) == pytest.approx(np.mean(curves, 0).max(), abs=1e-6)
    assert max_f_beta(*histograms) <= np.mean(np.max(curves, 1)) + 1e-6


def test_perfect_scores_reach_the_best_values():
    target = draw()[1]
    scores = target.float()
    assert max_f_beta(*(h[None] for h in precision_recall_histogram(scores, target))) == 1
    assert mean_absolute_error(scores, target) == 0
    assert auc_roc(scores, target) == 1
    assert auc_roc(-scores, target) == 0


def test_auc_equals_sklearn_with_ties():
    for seed in range(4):
        scores, target = draw(seed)
        for values in (scores, (scores * 5).round(), scores * 100 - 50):
            expected = roc_auc_score(target.flatten(), values.flatten())
            assert auc_roc(values, target) == pytest.approx(expected, abs=1e-12)


def test_auc_from_histograms_is_close_to_the_exact_one_and_pools():
    images = [draw(seed) for seed in range(3)]
    histograms = [precision_recall_histogram(*i) for i in images]
    pooled = histogram_auc(*(sum(h) for h in zip(*histograms, strict=True)))
    scores, targets = (torch.cat([i[k].flatten() for i in images]) for k in (0, 1))
    assert pooled == pytest.approx(roc_auc_score(targets, scores), abs=2e-3)


@pytest.mark.parametrize('fill', [True, False])
def test_auc_of_one_class_is_nan(fill):
    assert math.isnan(auc_roc(torch.rand(4, 5), torch.full((4, 5), fill)))


def test_bad_scores_and_masks_are_refused():
    scores, target = draw()
    for bad in (scores + 1, scores - 1, torch.full_like(scores, math.nan)):
        with pytest.raises(ValueError, match=r'`scores` in \[0, 1\]'):
            precision_recall_histogram(bad, target)
    with pytest.raises(ValueError, match='`scores` of shape'):
        mean_absolute_error(scores[1:], target)
    with pytest.raises(TypeError, match='`target` to be a bool'):
        foreground_iou(target, target.int())
    with pytest.raises(ValueError, match='two masks of one size'):
        pixel_accuracy(target, target[1:])
    with pytest.raises(ValueError, match='finite `scores`'):
        auc_roc(torch.full_like(scores, math.nan), target)
