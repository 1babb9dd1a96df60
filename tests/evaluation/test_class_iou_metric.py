import math
import pickle

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, jaccard_score, recall_score

from mmseg_gen.evaluation import ClassIoUMetric, StratifiedImprovementMetric, TrimapIoUMetric
from mmseg_gen.registry import METRICS
from tests.evaluation.metric_samples import BINARY, CLASSES, draw_sample, evaluate, planes


@pytest.mark.parametrize('dtype', [torch.int64, torch.uint8])
def test_scores_equal_sklearn_on_all_pixels_together(dtype):
    samples = [draw_sample(seed, size=(11 + seed, 23), dtype=dtype) for seed in range(5)]
    found = evaluate(ClassIoUMetric(per_class=True), samples)
    truth, prediction = (
        np.concatenate([planes(s, key)[0].ravel() for s in samples]) for key in ('gt_sem_seg', 'pred_sem_seg')
    )
    pair = truth[truth != 255], prediction[truth != 255]
    each = jaccard_score(*pair, average=None)
    assert found['class/mIoU'] == pytest.approx(each.mean())
    assert found['class/aAcc'] == pytest.approx(accuracy_score(*pair))
    assert found['class/mAcc'] == pytest.approx(recall_score(*pair, average='macro'))
    assert [found[f'class/IoU/{name}'] for name in CLASSES] == pytest.approx(each)


def test_it_agrees_with_mmsegmentation_to_its_float32():
    from mmseg.evaluation import IoUMetric

    samples = [draw_sample(seed) for seed in range(4)]
    ours, theirs = evaluate(ClassIoUMetric(), samples), evaluate(IoUMetric(), samples)
    for name in ('mIoU', 'mAcc', 'aAcc'):
        assert 100 * ours[f'class/{name}'] == pytest.approx(theirs[name], abs=0.01)


def test_absent_classes_are_left_out_of_the_means():
    sample = draw_sample(0, classes=2)
    found = evaluate(ClassIoUMetric(per_class=True), [sample])
    two = evaluate(ClassIoUMetric(), [sample], BINARY)
    assert math.isnan(found['class/IoU/tree'])
    assert found['class/mIoU'] == two['class/mIoU']


def test_what_is_held_does_not_grow_with_images_or_their_size():
    held = []
    for count, size in ((2, (10, 14)), (12, (150, 210))):
        metric = ClassIoUMetric()
        metric.dataset_meta = {'classes': CLASSES}
        for seed in range(count):
            metric.process({}, [draw_sample(seed, size=size)])
        held.append(len(pickle.dumps((metric.results, metric._total, metric._latest))))
    assert held[0] == pytest.approx(held[1], abs=64)


def test_a_second_evaluation_starts_anew():
    metric, samples = ClassIoUMetric(), [draw_sample(seed) for seed in range(2)]
    evaluate(metric, samples)
    assert evaluate(metric, samples[:1]) == evaluate(ClassIoUMetric(), samples[:1])


@pytest.mark.parametrize(('rank', 'size', 'counted'), [(1, 7, 3), (1, 8, 4), (0, 7, 4)])
def test_a_sample_that_the_loader_repeats_is_not_counted(monkeypatch, rank, size, counted):
    module = 'mmseg_gen.evaluation.streamed_metric.'
    monkeypatch.setattr(f'{module}get_dist_info', lambda: (rank, 2))
    monkeypatch.setattr(f'{module}BaseMetric.evaluate', lambda self, parts: self.results)
    metric = ClassIoUMetric()
    metric.dataset_meta = {'classes': CLASSES}
    for seed in range(4):
        metric.process({}, [draw_sample(seed)])
    assert metric.evaluate(size)[0].images == counted


def test_it_builds_from_a_config():
    metric = METRICS.build({'type': 'ClassIoUMetric', 'ignore_index': 3, 'prefix': 'voc'})
    found = evaluate(metric, [draw_sample(0, ignored=0)])
    kept = draw_sample(0, ignored=0)
    kept['gt_sem_seg']['data'][kept['gt_sem_seg']['data'] == 3] = 255
    assert found['voc/mIoU'] == evaluate(ClassIoUMetric(), [kept])['class/mIoU']


@pytest.mark.parametrize(('key', 'name'), [('gt_sem_seg', 'truth'), ('pred_sem_seg', 'prediction')])
def test_a_class_out_of_range_is_refused_by_file(key, name):
    sample = draw_sample(7, ignored=0)
    sample[key]['data'][0, 2, 3] = 21
    with pytest.raises(ValueError, match=rf'photos/7\.jpg: .*`{name}` in \[0, 3\].*got 21: check the classes'):
        evaluate(ClassIoUMetric(), [sample])


def test_another_size_is_refused_by_file():
    sample = draw_sample(7)
    sample['pred_sem_seg']['data'] = sample['pred_sem_seg']['data'][:, :-2]
    with pytest.raises(ValueError, match=r'photos/7\.jpg .*\(19, 34\), but got \(21, 34\)'):
        evaluate(ClassIoUMetric(), [sample])


def masks_of_0_and_255(seed, classes=2):
    sample = draw_sample(seed, classes=classes, ignored=0)
    sample['gt_sem_seg']['data'] = (sample['gt_sem_seg']['data'] > 0).long() * 255
    return sample


def test_masks_of_0_and_255_read_as_ignored_are_refused():
    with pytest.raises(ValueError, match=r'no class but "background", and ignored pixels.*`LoadBinaryMask`'):
        evaluate(ClassIoUMetric(), [masks_of_0_and_255(seed) for seed in range(3)], BINARY)


def test_images_that_are_ignored_altogether_are_counted_and_listed(monkeypatch):
    said = []
    monkeypatch.setattr('mmseg_gen.evaluation.class_iou_metric.warn', said.append)
    void = draw_sample(9)
    void['gt_sem_seg']['data'][:] = 255
    found = evaluate(ClassIoUMetric(), [draw_sample(0), void, draw_sample(1)])
    assert found == evaluate(ClassIoUMetric(), [draw_sample(0), draw_sample(1)])
    assert said == ['ClassIoUMetric: 1 of 3 images are ignored altogether: photos/9.jpg.']
    with pytest.raises(ValueError, match=r'pixels with ground truth, but got none \(photos/9\.jpg\)'):
        evaluate(ClassIoUMetric(), [void])


def test_missing_parts_are_named():
    sample = draw_sample(0)
    del sample['gt_sem_seg']
    with pytest.raises(ValueError, match=r'`gt_sem_seg` for photos/0\.jpg.*must load annotations'):
        evaluate(ClassIoUMetric(), [sample])
    with pytest.raises(ValueError, match='`classes` in the metainfo'):
        evaluate(ClassIoUMetric(), [draw_sample(0)], ())


@pytest.mark.parametrize('kind', [ClassIoUMetric, TrimapIoUMetric, StratifiedImprovementMetric])
def test_a_data_set_without_classes_is_named(kind):
    with pytest.raises(ValueError, match='Expected `classes` in the metainfo of the data set, but got none'):
        kind().process({}, [draw_sample(0)])
