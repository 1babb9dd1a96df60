"""Trimap IoU and boundary F as metrics; the band and the contours have their own tests."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt
from sklearn.metrics import jaccard_score

from mmseg_gen.evaluation import BoundaryMetric, TrimapIoUMetric
from mmseg_gen.functional.boundary import boundary_score
from mmseg_gen.registry import METRICS
from tests.evaluation.metric_samples import BINARY, CLASSES, draw_sample, evaluate, planes


def band(labels, width):
    near = [(labels == v) & (distance_transform_edt(labels == v) <= width) for v in np.unique(labels)]
    return np.any(near, axis=0)


def test_trimap_iou_equals_sklearn_inside_scipys_band():
    samples = [draw_sample(seed, ignored=0.01) for seed in range(4)]
    found = evaluate(TrimapIoUMetric(widths=(1, 3)), samples)
    for width in (1, 3):
        pairs = []
        for truth, prediction in (planes(s, 'gt_sem_seg', 'pred_sem_seg') for s in samples):
            inside = band(truth, width) & (truth != 255)
            pairs.append((truth[inside], prediction[inside]))
        each = jaccard_score(*(np.concatenate(side) for side in zip(*pairs, strict=True)), average=None)
        assert found[f'trimap/mIoU_{width}px'] == pytest.approx(each.mean())
        assert [found[f'trimap/IoU_{width}px/{name}'] for name in CLASSES] == pytest.approx(each)


def test_errors_far_from_borders_do_not_count():
    sample = draw_sample(0, classes=2, ignored=0)
    truth = sample['gt_sem_seg']['data']
    truth[:] = 0
    truth[:, 5:15, 8:20] = 1
    prediction = sample['pred_sem_seg']['data'] = truth.clone()
    prediction[:, :, 30:] = 1
    assert evaluate(TrimapIoUMetric(), [sample], BINARY)['trimap/mIoU_3px'] == 1
    prediction[:, 5] = 0
    assert evaluate(TrimapIoUMetric(), [sample], BINARY)['trimap/mIoU_3px'] < 1


def test_images_without_border_are_counted_and_a_set_of_them_refused(monkeypatch):
    said = []
    monkeypatch.setattr('mmseg_gen.evaluation.trimap_iou_metric.warn', said.append)
    flat = draw_sample(1, ignored=0)
    flat['gt_sem_seg']['data'][:] = 2
    assert evaluate(TrimapIoUMetric(), [draw_sample(0), flat]) == evaluate(TrimapIoUMetric(), [draw_sample(0)])
    assert said == ['TrimapIoUMetric: 1 of 2 images have no border.']
    with pytest.raises(ValueError, match=r'a border between classes.*`LoadBinaryMask`'):
        evaluate(TrimapIoUMetric(), [flat])


def test_boundary_metric_is_the_mean_of_its_function():
    samples = [draw_sample(seed, classes=2, ignored=0) for seed in range(4)]
    each = [boundary_score(*(m == 1 for m in planes(s, 'pred_sem_seg', 'gt_sem_seg')), 1.5) for s in samples]
    found = evaluate(BoundaryMetric(tolerance=1.5), samples, BINARY)
    for name, values in zip(('precision', 'recall', 'F'), zip(*each, strict=True), strict=True):
        assert found[f'boundary/{name}'] == pytest.approx(sum(values) / 4)
        assert 0 < found[f'boundary/{name}'] < 1


def test_ignored_pixels_draw_no_contour_of_their_own():
    sample = draw_sample(0, classes=2, ignored=0)
    sample['gt_sem_seg']['data'][:] = 0
    sample['gt_sem_seg']['data'][:, 5:12, 8:20] = 1
    sample['pred_sem_seg']['data'] = sample['gt_sem_seg']['data'].clone()
    sample['pred_sem_seg']['data'][:, 14:18, 25:30] = 1
    assert evaluate(BoundaryMetric(), [sample], BINARY)['boundary/F'] < 1
    sample['gt_sem_seg']['data'][:, 13:19, 24:31] = 255
    assert evaluate(BoundaryMetric(), [sample], BINARY)['boundary/F'] == 1


def test_they_build_from_configs_and_check_their_settings():
    assert METRICS.build({'type': 'TrimapIoUMetric', 'widths': [2]}).widths == (2,)
    assert METRICS.build({'type': 'BoundaryMetric', 'tolerance': 3}).tolerance == 3
    for widths in ((), (0,)):
        with pytest.raises(ValueError, match='`widths`'):
            TrimapIoUMetric(widths=widths)
    with pytest.raises(ValueError, match='`tolerance`'):
        BoundaryMetric(tolerance=0)
