import numpy as np
import pytest
import torch
from scipy.ndimage import find_objects, label

from mmseg_gen.evaluation import LocalizationMetric
from mmseg_gen.registry import METRICS
from tests.evaluation.metric_samples import draw_sample, evaluate


def overlap(a, b):
    painted = np.zeros((2, 60, 60), bool)
    for mask, (x1, y1, x2, y2) in zip(painted, (a, b), strict=True):
        mask[int(y1) : int(y2), int(x1) : int(x2)] = True
    return (painted[0] & painted[1]).sum() / (painted[0] | painted[1]).sum()


def test_scores_equal_scipys_components_and_painted_boxes():
    samples = [draw_sample(seed, classes=2) for seed in range(12)]
    best, masks = [], []
    for sample in samples:
        foreground = sample['pred_sem_seg']['data'][0].numpy() > 0
        parts, count = label(foreground, np.ones((3, 3)))
        areas = [(parts == i).sum() for i in range(1, count + 1)]
        assert areas.count(max(areas)) == 1
        rows, columns = find_objects(parts)[int(np.argmax(areas))]
        own = (columns.start, rows.start, columns.stop, rows.stop)
        best.append(max(overlap(own, box) for box in sample['boxes']))
        area = np.zeros(foreground.shape, bool)
        for x1, y1, x2, y2 in sample['boxes'].astype(int):
            area[y1:y2, x1:x2] = True
        masks.append((area & foreground).sum() / (area | foreground).sum())
    threshold = float(np.median(best))
    found = evaluate(LocalizationMetric(threshold=threshold), samples)
    assert found['loc/BoxIoU'] == pytest.approx(np.mean(best))
    assert found['loc/MaskBoxIoU'] == pytest.approx(np.mean(masks))
    assert found['loc/CorLoc'] == np.mean(np.array(best) > threshold)
    assert 0 < found['loc/CorLoc'] < 1


def scene(boxes, prediction=(4, 2, 14, 12), size=(20, 30)):
    mask = torch.zeros(1, *size, dtype=torch.uint8)
    x1, y1, x2, y2 = prediction
    mask[:, y1:y2, x1:x2] = 3
    return {'img_path': 'a.jpg', 'pred_sem_seg': {'data': mask}, 'boxes': np.array(boxes, np.float32)}


def test_an_exact_box_among_several_is_found_and_half_is_not_enough():
    assert evaluate(LocalizationMetric(), [scene([[20, 10, 28, 18], [4, 2, 14, 12]])])['loc/CorLoc'] == 1
    half = evaluate(LocalizationMetric(), [scene([[4, 2, 14, 22 - 10], [0, 0, 1, 1]], (4, 2, 14, 7))])
    assert half['loc/BoxIoU'] == 0.5
    assert half['loc/CorLoc'] == 0


def test_an_empty_prediction_scores_zero():
    found = evaluate(LocalizationMetric(), [scene([[1, 1, 5, 5]], (0, 0, 0, 0))])
    assert found == {'loc/CorLoc': 0, 'loc/BoxIoU': 0, 'loc/MaskBoxIoU': 0}


def test_images_without_boxes_are_left_out_and_listed(monkeypatch):
    said = []
    monkeypatch.setattr('mmseg_gen.evaluation.localization_metric.warn', said.append)
    found = evaluate(LocalizationMetric(), [scene(np.zeros((0, 4))), scene([[4, 2, 14, 12]])])
    assert found['loc/BoxIoU'] == 1
    assert said == ['LocalizationMetric: left out 1 of 2 without boxes: a.jpg.']
    with pytest.raises(ValueError, match='at least one image with boxes'):
        evaluate(LocalizationMetric(), [scene(np.zeros((0, 4)))])


def test_boxes_of_another_size_or_without_area_are_refused_by_file():
    with pytest.raises(ValueError, match=r'`boxes` of a\.jpg inside its prediction of 30 x 20 pixels'):
        evaluate(LocalizationMetric(), [scene([[100, 20, 300, 200]])])
    with pytest.raises(ValueError, match=r'a\.jpg: .*x1 < x2'):
        evaluate(LocalizationMetric(), [scene([[5, 5, 5, 9]])])
    sample = scene([[1, 1, 5, 5]])
    del sample['boxes']
    with pytest.raises(ValueError, match=r"`boxes` for a\.jpg.*add 'boxes' to the `meta_keys`"):
        evaluate(LocalizationMetric(), [sample])


def test_it_builds_from_a_config():
    assert METRICS.build({'type': 'LocalizationMetric', 'threshold': 0.3}).threshold == 0.3
    with pytest.raises(ValueError, match='`threshold`'):
        LocalizationMetric(threshold=1)
