"""The base of metrics that pool confusion matrices over the images of a data set."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmseg_gen.evaluation.samples import class_names, label_pair, naming, sample_name
from mmseg_gen.evaluation.streamed_metric import StreamedMetric

_NAMES_KEPT = 6


@dataclass
class PooledCounts:
    """Confusion of a part of the data set, how many images it has, and those that added nothing."""

    confusion: np.ndarray
    images: int = 1
    ignored_pixels: int = 0
    left_out: int = 0
    left_out_names: list[str] = field(default_factory=list)

    def plus(self, other: PooledCounts) -> PooledCounts:
        """Return the counts of both parts."""
        return PooledCounts(
            self.confusion + other.confusion,
            self.images + other.images,
            self.ignored_pixels + other.ignored_pixels,
            self.left_out + other.left_out,
            (self.left_out_names + other.left_out_names)[:_NAMES_KEPT],
        )


class PooledMetric(StreamedMetric):
    """Holds one sum of confusion matrices, int64 ``(..., C, C)``, rows being the truth.

    Args:
        ignore_index: Ground-truth value of pixels that do not count.
        kwargs: ``prefix``, ``collect_device``, ``collect_dir`` of MMEngine's ``BaseMetric``.
    """

    def __init__(self, ignore_index: int = 255, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ignore_index = ignore_index

    @abstractmethod
    def count_image(self, prediction: np.ndarray, truth: np.ndarray, num_classes: int) -> np.ndarray:
        """Return the confusion that an image adds, int64 ``(..., C, C)``."""

    @abstractmethod
    def combine(self, total: PooledCounts | None) -> dict[str, float]:
        """Return the scores of the data set; the total is None if there was no image."""

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
                confusion = self.count_image(prediction, truth, num_classes)
            counts = PooledCounts(confusion, ignored_pixels=int(np.count_nonzero(truth == self.ignore_index)))
            if not confusion.any():
                counts.left_out, counts.left_out_names = 1, [sample_name(sample)]
            self.stream(counts)

    def add(self, total: PooledCounts | None, record: PooledCounts) -> PooledCounts:
        """Return the sum."""
        return record if total is None else total.plus(record)

    def compute_metrics(self, results: list[PooledCounts | None]) -> dict[str, float]:
        """Return the scores of the data set.

        Args:
            results: Counts of each process.

        Raises:
            ValueError: There is nothing to score.
        """
        total: PooledCounts | None = None
        for part in results:
            total = total if part is None else self.add(total, part)
        return self.combine(total)
