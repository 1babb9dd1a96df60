import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, jaccard_score

from mmseg_gen.evaluation import BinaryIoUMetric
from mmseg_gen.registry import METRICS
from tests.evaluation.metric_samples import BINARY, draw_sample, evaluate, planes


def scores(truth, prediction):
    background, foreground = jaccard_score(truth, prediction, average=None, labels=[0, 1])
    return accuracy_score(truth, prediction), foreground, background, (foreground + background) / 2


def test_both_conventions_equal_sklearn():
    samples = [draw_sample(seed, classes=2, size=(6 + 4 * seed, 23)) for seed in range(5)]
    pairs = []
    for truth, prediction in (planes(s, 'gt_sem_seg', 'pred_sem_seg') for s in samples):
        pairs.append((truth[truth != 255], prediction[truth != 255]))
    found = evaluate(BinaryIoUMetric(), samples, BINARY)
    pooled = scores(*(np.concatenate(side) for side in zip(*pairs, strict=True)))
    each = np.mean([scores(*pair) for pair in pairs], axis=0)
    names = ('Acc', 'IoU_fg', 'IoU_bg', 'mIoU')
    assert [found[f'binary/{n}_pooled'] for n in names] == pytest.approx(pooled)
    assert [found[f'binary/{n}_per_image'] for n in names] == pytest.approx(each.tolist())
    assert len(found) == 8
    assert found['binary/IoU_fg_pooled'] != pytest.approx(found['binary/IoU_fg_per_image'], abs=1e-3)


@pytest.mark.parametrize(('predicted', 'per_image', 'pooled'), [(0, 1.0, math.nan), (1, 0.0, 0.0)])
def test_an_image_without_object(predicted, per_image, pooled):
    sample = draw_sample(0, classes=2, ignored=0)
    sample['gt_sem_seg']['data'][:] = 0
    sample['pred_sem_seg']['data'][:] = predicted
    found = evaluate(BinaryIoUMetric(), [sample], BINARY)
    assert found['binary/IoU_fg_per_image'] == per_image
    assert found['binary/IoU_fg_pooled'] == pytest.approx(pooled, nan_ok=True)


def masks_of_0_and_255(seed):
    sample = draw_sample(seed, classes=2, ignored=0)
    sample['gt_sem_seg']['data'] *= 255
    return sample


def test_masks_of_0_and_255_read_as_ignored_are_refused():
    with pytest.raises(ValueError, match=r'only background and ignored pixels \(photos/0\.jpg, .*`LoadBinaryMask`'):
        evaluate(BinaryIoUMetric(), [masks_of_0_and_255(seed) for seed in range(3)], BINARY)


def test_a_few_such_masks_among_sound_ones_are_listed(monkeypatch):
    said = []
    monkeypatch.setattr('mmseg_gen.evaluation.samples.warn', said.append)
    evaluate(BinaryIoUMetric(), [draw_sample(0, classes=2), masks_of_0_and_255(4)], BINARY)
    assert len(said) == 1
    assert '1 of 2 images have ignored pixels and no foreground' in said[0]
    assert 'photos/4.jpg' in said[0]


def test_images_that_are_ignored_altogether_are_left_out_and_listed(monkeypatch):
    said = []
    monkeypatch.setattr('mmseg_gen.evaluation.samples.warn', said.append)
    void = draw_sample(3, classes=2)
    void['gt_sem_seg']['data'][:] = 255
    both = evaluate(BinaryIoUMetric(), [draw_sample(0, classes=2), void], BINARY)
    assert both == evaluate(BinaryIoUMetric(), [draw_sample(0, classes=2)], BINARY)
    assert said == ['BinaryIoUMetric: left out 1 of 2 images, all ignored: photos/3.jpg.']


@pytest.mark.parametrize(('key', 'cure'), [('gt_sem_seg', 'LoadBinaryMask'), ('pred_sem_seg', 'for two classes')])
def test_other_labels_are_refused_by_file(key, cure):
    sample = draw_sample(0, classes=2, ignored=0)
    sample[key]['data'][0, 0, 0] = 128
    with pytest.raises(ValueError, match=rf'photos/0\.jpg.*128.*{cure}'):
        evaluate(BinaryIoUMetric(), [sample], BINARY)


def test_it_builds_from_a_config_and_refuses_an_empty_set():
    metric = METRICS.build({'type': 'BinaryIoUMetric', 'ignore_index': 7})
    assert metric.ignore_index == 7
    with pytest.raises(ValueError, match='at least one image with ground truth'):
        metric.compute_metrics([])
