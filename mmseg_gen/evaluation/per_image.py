"""Per-image scores behind a metric's means, and their bootstrap intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from mmseg_gen.evaluation.binary_iou_metric import BinaryIoUMetric
from mmseg_gen.evaluation.boundary_metric import BoundaryMetric
from mmseg_gen.evaluation.localization_metric import LocalizationMetric
from mmseg_gen.evaluation.saliency_metric import SaliencyMetric
from mmseg_gen.functional.bootstrap import bootstrap_mean_interval
from mmseg_gen.functional.region_counts import class_iou, total_accuracy

RESAMPLES = 2000


def per_image_scores(metric: BaseMetric) -> dict[str, np.ndarray]:
    """Return each image's own scores by the name they are reported under; call before ``metric.evaluate``.

    Only scores whose reported value is a mean over images are there: pooled ones have no value for an image.
    Images for which a score is not defined are left out of it, as in the mean.
    """
    results: list[Any] = metric.results
    if isinstance(metric, LocalizationMetric):
        found = _localization([r for r in results if r['box'] is not None], metric.threshold)
    else:
        scored = [r for r in results if _has_truth(r)]
        readers = {SaliencyMetric: _saliency, BinaryIoUMetric: _binary, BoundaryMetric: _boundary}
        read = next((reader for kind, reader in readers.items() if isinstance(metric, kind)), None)
        found = {} if read is None or not scored else read(scored)
    return {f'{metric.prefix}/{name}': values[~np.isnan(values)] for name, values in found.items()}


def intervals(metric: BaseMetric) -> dict[str, tuple[float, float]]:
    """Return 95 % bootstrap intervals over images of the scores that have values for each image."""
    return {
        name: bootstrap_mean_interval(values, resamples=RESAMPLES)
        for name, values in per_image_scores(metric).items()
        if len(values)
    }


def _has_truth(result: Any) -> bool:
    truth = result.get('truth') if isinstance(result, dict) else None
    return truth is not None and truth.foreground + truth.background > 0


def _saliency(results: list[dict]) -> dict[str, np.ndarray]:
    return {name: np.array([r[name] for r in results], np.float64) for name in ('Acc', 'IoU', 'MAE', 'AUC')}


def _binary(results: list[dict]) -> dict[str, np.ndarray]:
    confusions = np.stack([r['confusion'] for r in results])
    background, foreground = np.nan_to_num(class_iou(confusions), nan=1.0).T
    return {
        'Acc_per_image': np.asarray(total_accuracy(confusions)),
        'IoU_fg_per_image': foreground,
        'IoU_bg_per_image': background,
        'mIoU_per_image': (foreground + background) / 2,
    }


def _boundary(results: list[dict]) -> dict[str, np.ndarray]:
    precision, recall, f_measure = np.array([r['score'] for r in results], np.float64).T
    return {'F': f_measure, 'precision': precision, 'recall': recall}


def _localization(results: list[dict], threshold: float) -> dict[str, np.ndarray]:
    best = np.array([r['box'] for r in results], np.float64)
    overlap = np.array([r['mask'] for r in results], np.float64)
    return {'CorLoc': (best > threshold).astype(np.float64), 'BoxIoU': best, 'MaskBoxIoU': overlap}
