import copy
import math
import pickle

import numpy as np
import pytest
import torch
from sklearn.metrics import jaccard_score, roc_auc_score

from mmseg_gen.evaluation import SaliencyMetric
from mmseg_gen.functional.saliency import max_f_beta, precision_recall_histogram
from mmseg_gen.registry import METRICS


def sample(seed, size=(9, 14), channels=1, path='a.jpg', area=0.4):
    generator = torch.Generator().manual_seed(seed)
    target = (torch.rand(size, generator=generator) < area).long()
    scores = (0.4 * target + 0.6 * torch.rand(size, generator=generator)).clamp(1e-4, 1 - 1e-4)
    logit = torch.logit(scores.double())
    logits = scores[None] if channels == 1 else torch.stack([-logit / 2 + 3, logit / 2 + 3])
    return {'seg_logits': {'data': logits}, 'gt_sem_seg': {'data': target[None]}, 'img_path': path}


def evaluate(samples, **settings):
    metric = SaliencyMetric(**settings)
    metric.dataset_meta = {'classes': ('background', 'foreground')}
    for entry in samples:
        metric.process({}, [entry])
    return metric.evaluate(len(samples))


def test_scores_are_means_over_images():
    samples = [sample(seed, (6 + seed, 11)) for seed in range(5)]
    found = evaluate(samples)
    pairs = [(s['seg_logits']['data'][0].numpy(), s['gt_sem_seg']['data'][0].numpy()) for s in samples]
    expected = {
        'sal/Acc': np.mean([((p > 0.5) == t).mean() for p, t in pairs]),
        'sal/IoU': np.mean([jaccard_score(t.ravel(), p.ravel() > 0.5) for p, t in pairs]),
        'sal/MAE': np.mean([np.abs(p - t).mean() for p, t in pairs]),
        'sal/AUC': np.mean([roc_auc_score(t.ravel(), p.ravel()) for p, t in pairs]),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-6)
    histograms = [precision_recall_histogram(torch.from_numpy(p), torch.from_numpy(t) == 1) for p, t in pairs]
    assert found['sal/maxF'] == pytest.approx(max_f_beta(*(torch.stack(h) for h in zip(*histograms, strict=True))))
    assert all(0 <= value <= 1 for value in found.values())


def test_two_channels_of_logits_equal_one_channel_of_probabilities():
    one, two = (evaluate([sample(seed, channels=c) for seed in range(3)]) for c in (1, 2))
    for name, value in one.items():
        assert two[name] == pytest.approx(value, abs=1e-5)


def test_a_perfect_prediction_scores_best():
    entry = sample(0)
    entry['seg_logits']['data'] = entry['gt_sem_seg']['data'].float()
    assert evaluate([entry]) == {'sal/Acc': 1, 'sal/IoU': 1, 'sal/maxF': 1, 'sal/MAE': 0, 'sal/AUC': 1}


def test_ignored_pixels_do_not_count():
    plain, noisy = sample(0), sample(0)
    noisy['gt_sem_seg']['data'][0, :3] = 255
    noisy['seg_logits']['data'][0, :3] = 0.7
    cropped = {
        'seg_logits': {'data': plain['seg_logits']['data'][:, 3:]},
        'gt_sem_seg': {'data': plain['gt_sem_seg']['data'][:, 3:]},
    }
    assert evaluate([noisy]) == evaluate([cropped])


def test_images_without_an_object_leave_maxf_and_auc_alone():
    empty = sample(1, area=0.0)
    empty['seg_logits']['data'] *= 0.1
    both, alone = evaluate([sample(0), empty]), evaluate([sample(0)])
    assert both['sal/maxF'] == alone['sal/maxF']
    assert both['sal/AUC'] == alone['sal/AUC']
    assert both['sal/IoU'] == pytest.approx((alone['sal/IoU'] + 1) / 2)
    only = evaluate([empty])
    assert math.isnan(only['sal/maxF'])
    assert math.isnan(only['sal/AUC'])


def test_what_is_kept_of_an_image_does_not_grow_with_it():
    sizes = []
    for size in ((10, 12), (200, 240)):
        metric = SaliencyMetric()
        metric.process({}, [sample(0, size)])
        sizes.append(len(pickle.dumps(metric.results)))
    assert sizes[0] == pytest.approx(sizes[1], abs=64)


def test_it_builds_from_a_config_and_keeps_it():
    config = {'type': 'SaliencyMetric', 'threshold': 0.4, 'prefix': 'mine'}
    before = copy.deepcopy(config)
    metric = METRICS.build(config)
    assert config == before
    assert pickle.loads(pickle.dumps(copy.deepcopy(metric))).threshold == 0.4
    metric.process({}, [sample(0)])
    assert 'mine/IoU' in metric.evaluate(1)


def test_ground_truth_of_another_size_is_refused_by_name():
    entry = sample(0, path='photos/dog.jpg')
    entry['gt_sem_seg']['data'] = entry['gt_sem_seg']['data'][:, :-1]
    with pytest.raises(ValueError, match=r'photos/dog\.jpg.*\(9, 14\).*\(8, 14\).*after the resize'):
        SaliencyMetric().process({}, [entry])


def test_numbers_that_are_none_are_refused_by_name():
    entry = sample(0, path='photos/dog.jpg')
    entry['seg_logits']['data'][0, 2, 3] = math.nan
    with pytest.raises(ValueError, match=r'`seg_logits` of photos/dog\.jpg, but got NaN: the model has diverged'):
        SaliencyMetric().process({}, [entry])
    entry['seg_logits']['data'][0, 2, 3] = 1.5
    with pytest.raises(ValueError, match=r'photos/dog\.jpg: .*`scores` in \[0, 1\]'):
        SaliencyMetric().process({}, [entry])


def test_masks_of_0_and_255_are_refused_whether_ignored_or_not():
    entries = [sample(seed) for seed in range(2)]
    for entry in entries:
        entry['gt_sem_seg']['data'] *= 255
    with pytest.raises(ValueError, match='only background and ignored pixels'):
        evaluate(entries)
    with pytest.raises(ValueError, match=r'but got 255: load masks of 0 and 255 with `LoadBinaryMask`'):
        evaluate(entries, ignore_index=254)


def test_images_that_are_ignored_altogether_leave_the_others_alone():
    void = sample(1)
    void['gt_sem_seg']['data'][:] = 255
    assert evaluate([sample(0), void, sample(2)]) == evaluate([sample(0), sample(2)])
    with pytest.raises(ValueError, match='at least one image with ground truth'):
        evaluate([void, void], ignore_index=255)


@pytest.mark.parametrize('missing', ['seg_logits', 'gt_sem_seg'])
def test_a_missing_part_is_named(missing):
    entry = sample(0)
    del entry[missing]
    with pytest.raises(ValueError, match=f'`{missing}`'):
        SaliencyMetric().process({}, [entry])


def test_models_of_many_classes_and_empty_sets_are_refused():
    entry = sample(0)
    entry['seg_logits']['data'] = torch.zeros(21, 9, 14)
    with pytest.raises(ValueError, match='`seg_logits` of shape'):
        SaliencyMetric().process({}, [entry])
    with pytest.raises(ValueError, match='at least one image'):
        SaliencyMetric().compute_metrics([])
    with pytest.raises(ValueError, match='`threshold`'):
        SaliencyMetric(threshold=1.0)
