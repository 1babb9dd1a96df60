"""IoU where it is hardest: in a narrow band along the true borders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmseg_gen.evaluation.samples import class_names, label_pair, naming, warn
from mmseg_gen.evaluation.streamed_metric import StreamedMetric
from mmseg_gen.functional.region_counts import class_iou, confusion_matrix, mean_of_present
from mmseg_gen.functional.trimap import trimap_band
from mmseg_gen.registry import METRICS


@METRICS.register_module()
class TrimapIoUMetric(StreamedMetric):
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
        super().__init__(**kwargs)
        if not widths or not all(width >= 1 for width in widths):
            raise ValueError(f'Expected `widths` of at least 1 pixel, one or more, but got {widths}.')
        self.widths, self.ignore_index = tuple(widths), ignore_index

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the pixels of each sample's bands.

        Args:
            data_batch: Not used.
            data_samples: Each with ``pred_sem_seg`` and ``gt_sem_seg``, integer labels.

        Raises:
            ValueError: A sample lacks one of the two, its sizes differ, or a label is out of range.
        """
        num_classes = len(class_names(self))
        for sample in data_samples:
            prediction, truth = label_pair(sample)
            counts = np.zeros((len(self.widths), num_classes, num_classes), np.int64)
            with naming(sample):
                for own, width in zip(counts, self.widths, strict=True):
                    band = trimap_band(truth, width)
                    if band.any():
                        own += confusion_matrix(prediction[band], truth[band], num_classes, self.ignore_index)
            self.stream({'counts': counts, 'images': 1, 'borderless': int(not counts.any())})

    def add(self, total: dict | None, record: dict) -> dict:
        """Return the sum."""
        return record if total is None else {key: total[key] + record[key] for key in record}

    def compute_metrics(self, results: list[dict | None]) -> dict[str, float]:
        """Return the scores of the data set.

        Args:
            results: Counts of each process.

        Raises:
            ValueError: No image has a border.
        """
        total: dict | None = None
        for part in results:
            total = total if part is None else self.add(total, part)
        if total is None or not total['counts'].any():
            raise ValueError(
                'TrimapIoUMetric: expected a border between classes in the ground truth, but got none: '
                'masks of 0 and 255 must be loaded with `LoadBinaryMask`.'
            )
        if total['borderless']:
            warn(f'TrimapIoUMetric: {total["borderless"]} of {total["images"]} images have no border.')
        scores = {}
        for width, confusion in zip(self.widths, total['counts'], strict=True):
            iou = class_iou(confusion)
            scores[f'mIoU_{width:g}px'] = mean_of_present(iou)
            for name, value in zip(class_names(self), iou, strict=True):
                scores[f'IoU_{width:g}px/{name}'] = float(value)
        return scores
