"""IoU where it is hardest: in a narrow band along the true borders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmseg_gen.evaluation.pooled_metric import PooledCounts, PooledMetric
from mmseg_gen.evaluation.samples import class_names, warn
from mmseg_gen.functional.region_counts import class_iou, confusion_matrix, mean_of_present
from mmseg_gen.functional.trimap import trimap_band
from mmseg_gen.registry import METRICS


@METRICS.register_module()
class TrimapIoUMetric(PooledMetric):
    """IoU over the pixels at most some distance away from a border of the truth, pooled over images, in [0, 1].

    Reported under ``trimap/`` for each width: ``mIoU_3px`` over the classes that occur in the band, ``IoU_3px/NAME`` of
    each class. Images whose truth has no border are counted in the log; they add nothing.

    Args:
        widths: In pixels, at least 1 each (the style-mixing paper: 3); see
            :func:`mmseg_gen.functional.trimap.trimap_band`.
        ignore_index: Ground-truth value of pixels that do not count; their border counts as one.
        kwargs: ``prefix``, ``collect_device``, ``collect_dir`` of MMEngine's ``BaseMetric``.

    Raises:
        ValueError: A width is below 1, or there is none.
    """

    default_prefix = 'trimap'

    def __init__(self, widths: Sequence[float] = (3,), ignore_index: int = 255, **kwargs: Any) -> None:
        super().__init__(ignore_index, **kwargs)
        if not widths or not all(width >= 1 for width in widths):
            raise ValueError(f'Expected `widths` of at least 1 pixel, one or more, but got {widths}.')
        self.widths = tuple(widths)

    def count_image(self, prediction: np.ndarray, truth: np.ndarray, num_classes: int) -> np.ndarray:
        """Return the confusion of an image's bands, int64 ``(widths, C, C)``."""
        counts = np.zeros((len(self.widths), num_classes, num_classes), np.int64)
        for own, width in zip(counts, self.widths, strict=True):
            band = trimap_band(truth, width)
            if band.any():
                own += confusion_matrix(prediction[band], truth[band], num_classes, self.ignore_index)
        return counts

    def combine(self, total: PooledCounts | None) -> dict[str, float]:
        """Return the scores.

        Raises:
            ValueError: No image has a border.
        """
        if total is None or not total.confusion.any():
            raise ValueError(
                'TrimapIoUMetric: expected a border between classes in the ground truth, but got none: '
                'masks of 0 and 255 must be loaded with `LoadBinaryMask`.'
            )
        if total.left_out:
            warn(f'TrimapIoUMetric: {total.left_out} of {total.images} images have no border.')
        scores = {}
        for width, confusion in zip(self.widths, total.confusion, strict=True):
            iou = class_iou(confusion)
            scores[f'mIoU_{width:g}px'] = mean_of_present(iou)
            for name, value in zip(class_names(self), iou, strict=True):
                scores[f'IoU_{width:g}px/{name}'] = float(value)
        return scores
