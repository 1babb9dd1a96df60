"""IoU and accuracy over classes from one integer confusion matrix of the whole data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmseg_gen.evaluation.samples import class_names, label_pair, naming, sample_name, shortened, warn
from mmseg_gen.evaluation.streamed_metric import StreamedMetric
from mmseg_gen.functional.region_counts import (
    class_accuracy,
    class_iou,
    confusion_matrix,
    mean_of_present,
    total_accuracy,
)
from mmseg_gen.registry import METRICS

_NAMES_KEPT = 6


@dataclass
class _Counts:
    """Confusion of a part of the data set, how many images it has, and those that are ignored altogether."""

    confusion: np.ndarray
    images: int = 1
    ignored_pixels: int = 0
    left_out: int = 0
    left_out_names: list[str] = field(default_factory=list)

    def plus(self, other: _Counts) -> _Counts:
        return _Counts(
            self.confusion + other.confusion,
            self.images + other.images,
            self.ignored_pixels + other.ignored_pixels,
            self.left_out + other.left_out,
            (self.left_out_names + other.left_out_names)[:_NAMES_KEPT],
        )


@METRICS.register_module()
class ClassIoUMetric(StreamedMetric):
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
        super().__init__(**kwargs)
        self.ignore_index, self.per_class = ignore_index, per_class

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the pixels of each sample.

        Args:
            data_batch: Not used.
            data_samples: Each with ``pred_sem_seg`` and ``gt_sem_seg``, integer labels.

        Raises:
            ValueError: A sample lacks one of the two, its sizes differ, or a label is out of range.
        """
        num_classes = len(class_names(self))
        for sample in data_samples:
            prediction, truth = label_pair(sample)
            with naming(sample):
                confusion = confusion_matrix(prediction, truth, num_classes, self.ignore_index)
            known = int(confusion.sum())
            counts = _Counts(confusion, ignored_pixels=truth.size - known)
            if not known:
                counts.left_out, counts.left_out_names = 1, [sample_name(sample)]
            self.stream(counts)

    def add(self, total: _Counts | None, record: _Counts) -> _Counts:
        """Return the sum."""
        return record if total is None else total.plus(record)

    def compute_metrics(self, results: list[_Counts | None]) -> dict[str, float]:
        """Return the scores of the data set.

        Args:
            results: Counts of each process.

        Raises:
            ValueError: No pixel has ground truth, or that of two classes has only the first and ignored pixels.
        """
        total: _Counts | None = None
        for part in results:
            total = total if part is None else self.add(total, part)
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

    def _check(self, total: _Counts | None) -> None:
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
