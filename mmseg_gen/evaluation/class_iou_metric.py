"""IoU and accuracy over classes from one integer confusion matrix of the whole data set."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmseg_gen.evaluation.pooled_metric import PooledCounts, PooledMetric
from mmseg_gen.evaluation.samples import class_names, shortened, warn
from mmseg_gen.functional.region_counts import (
    class_accuracy,
    class_iou,
    confusion_matrix,
    mean_of_present,
    total_accuracy,
)
from mmseg_gen.registry import METRICS


@METRICS.register_module()
class ClassIoUMetric(PooledMetric):
    """Mean IoU, mean accuracy and pixel accuracy, pooled over the pixels of the data set, in [0, 1].

    Reported under ``class/``: ``mIoU``, ``mAcc``, ``aAcc``, and with ``per_class`` ``IoU/NAME`` of each class. Means
    are over the classes that occur: one in neither truth nor prediction is NaN and left out; one predicted but
    never true has IoU 0 and no accuracy. Counts are int64 (MMSegmentation's ``IoUMetric`` sums in float32).

    Images whose truth is ignored altogether are counted and listed in the log.

    Args:
        ignore_index: Ground-truth value of pixels that do not count.
        per_class: Whether to report each class.
        kwargs: ``prefix``, ``collect_device``, ``collect_dir`` of MMEngine's ``BaseMetric``.
    """

    default_prefix = 'class'

    def __init__(self, ignore_index: int = 255, per_class: bool = False, **kwargs: Any) -> None:
        super().__init__(ignore_index, **kwargs)
        self.per_class = per_class

    def count_image(self, prediction: np.ndarray, truth: np.ndarray, num_classes: int) -> np.ndarray:
        """Return the confusion of an image, int64 ``(C, C)``."""
        return confusion_matrix(prediction, truth, num_classes, self.ignore_index)

    def combine(self, total: PooledCounts | None) -> dict[str, float]:
        """Return the scores.

        Raises:
            ValueError: No pixel has ground truth, or that of two classes has only the first and ignored pixels.
        """
        self._check(total)
        confusion = total.confusion
        iou = class_iou(confusion)
        scores = {
            'mIoU': mean_of_present(iou),
            'mAcc': mean_of_present(class_accuracy(confusion)),
            'aAcc': float(total_accuracy(confusion)),
        }
        if self.per_class:
            scores |= {f'IoU/{name}': float(value) for name, value in zip(class_names(self), iou, strict=True)}
        return scores

    def _check(self, total: PooledCounts | None) -> None:
        if total is None or not total.confusion.any():
            names = f' ({shortened(total.left_out_names)})' if total else ''
            raise ValueError(
                f'{type(self).__name__}: expected pixels with ground truth, but got none{names}: '
                'check `ignore_index` and how the masks are read.'
            )
        if total.ignored_pixels and not total.confusion[1:].any():
            text = (
                f'{type(self).__name__}: the ground truth shows no class but "{class_names(self)[0]}", and ignored '
                'pixels: masks of 0 and 255 must be loaded with `LoadBinaryMask`.'
            )
            if len(class_names(self)) == 2:
                raise ValueError(text)
            warn(text)
        if total.left_out:
            warn(
                f'{type(self).__name__}: {total.left_out} of {total.images} images are ignored altogether: '
                f'{shortened(total.left_out_names)}.'
            )
