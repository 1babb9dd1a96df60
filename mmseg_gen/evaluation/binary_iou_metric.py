"""Accuracy and IoU of two classes in both conventions of the field: pooled over pixels, and per image."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmseg_gen.evaluation.samples import BinaryPair
from mmseg_gen.evaluation.two_class_metric import TwoClassMetric
from mmseg_gen.functional.region_counts import class_iou, confusion_matrix, total_accuracy
from mmseg_gen.registry import METRICS


@METRICS.register_module()
class BinaryIoUMetric(TwoClassMetric):
    """Accuracy and IoU of foreground and background, and the mean of the two IoUs, in [0, 1].

    Reported under ``binary/``: ``Acc_pooled``, ``IoU_fg_pooled``, ``IoU_bg_pooled``, ``mIoU_pooled`` from the pixels of
    all images together (fobadiffusion), and ``..._per_image``, the means over images of each image's own score
    (TokenCut, DiffusionSeg). Per image, a class in neither the truth nor the prediction has IoU 1: an image
    without object scores 1 if none was predicted, else 0. Pooled, it is NaN.

    Images whose truth is ignored altogether are left out, counted and listed in the log.

    Args:
        ignore_index: Ground-truth value of pixels that do not count.
        kwargs: ``prefix``, ``collect_device``, ``collect_dir`` of MMEngine's ``BaseMetric``.
    """

    default_prefix = 'binary'

    def score_image(self, pair: BinaryPair) -> dict[str, Any]:
        """Return the confusion of the pixels that count, int64 ``(2, 2)``."""
        prediction, truth, valid = pair
        confusion = np.zeros((2, 2), np.int64)
        if valid.any():
            confusion = confusion_matrix(prediction[valid], truth[valid], 2)
        return {'confusion': confusion}

    def combine(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Return the eight scores."""
        confusions = np.stack([r['confusion'] for r in results])
        pooled = confusions.sum(0)
        each = np.nan_to_num(class_iou(confusions), nan=1.0)
        return {
            **_named('pooled', float(total_accuracy(pooled)), class_iou(pooled)),
            **_named('per_image', float(total_accuracy(confusions).mean()), each.mean(0)),
        }


def _named(convention: str, accuracy: float, iou: np.ndarray) -> dict[str, float]:
    background, foreground = (float(v) for v in iou)
    return {
        f'Acc_{convention}': accuracy,
        f'IoU_fg_{convention}': foreground,
        f'IoU_bg_{convention}': background,
        f'mIoU_{convention}': (foreground + background) / 2,
    }
