import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from mmseg_gen.evaluation import StratifiedImprovementMetric
from mmseg_gen.functional.stratified import improvement_by_initial
from mmseg_gen.registry import METRICS
from tests.evaluation.metric_samples import draw_sample, evaluate, planes


def image_score(truth, mask):
    return jaccard_score(truth[truth != 255], mask[truth != 255], average='macro')


def test_gains_equal_the_function_on_sklearns_scores():
    samples = [draw_sample(seed, noise=0.05 * (seed % 8)) for seed in range(10)]
    scores = []
    for sample in samples:
        truth, *masks = planes(sample, 'gt_sem_seg', 'initial_seg', 'pred_sem_seg')
        scores.append([image_score(truth, mask) for mask in masks])
    found = evaluate(StratifiedImprovementMetric(edges=(0.55, 0.75), resamples=50), samples)
    strata = improvement_by_initial(*np.array(scores).T, (0.55, 0.75), resamples=50)
    assert len({s.count for s in strata}) > 1
    for s in strata:
        assert found[f'gain/{s.name}_count'] == s.count
        own = [found[f'gain/{s.name}{end}'] for end in ('', '_low', '_high')]
        assert own == pytest.approx([s.gain, *s.interval])


def test_images_without_truth_are_left_out_and_listed(monkeypatch):
    said = []
    monkeypatch.setattr('mmseg_gen.evaluation.stratified_metric.warn', said.append)
    void = draw_sample(3)
    void['gt_sem_seg']['data'][:] = 255
    metric = StratifiedImprovementMetric(resamples=50)
    assert evaluate(metric, [draw_sample(0), void])['gain/all_count'] == 1
    assert said == ['StratifiedImprovementMetric: left out 1, all ignored: photos/3.jpg.']
    with pytest.raises(ValueError, match='images with ground truth'):
        evaluate(metric, [void])


def test_a_missing_initial_mask_is_named_and_it_builds_from_a_config():
    sample = draw_sample(0)
    del sample['initial_seg']
    with pytest.raises(ValueError, match=r'`initial_seg` for photos/0\.jpg'):
        evaluate(METRICS.build({'type': 'StratifiedImprovementMetric'}), [sample])
