"""The base of metrics that score each image's mask of two classes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric

from mmseg_gen.evaluation.samples import BinaryPair, binary_pair, count_truth, images_with_truth, naming


class TwoClassMetric(BaseMetric):
    """Holds an entry for each image. Images whose truth is ignored altogether are left out, counted and listed.

    Args:
        ignore_index: Ground-truth value of pixels that do not count.
        kwargs: ``prefix``, ``collect_device``, ``collect_dir`` of MMEngine's ``BaseMetric``.
    """

    def __init__(self, ignore_index: int = 255, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ignore_index = ignore_index

    @abstractmethod
    def score_image(self, pair: BinaryPair) -> dict[str, Any]:
        """Return what an image leaves; it may have no valid pixel."""

    @abstractmethod
    def combine(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Return the scores of the data set from what its images left, at least one."""

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Score each sample.

        Args:
            data_batch: Not used.
            data_samples: Each with ``pred_sem_seg`` and ``gt_sem_seg``, labels 0 and 1.

        Raises:
            ValueError: A sample lacks one of the two, its sizes differ, or it has other labels.
        """
        for sample in data_samples:
            pair = binary_pair(sample, self.ignore_index)
            with naming(sample):
                own = self.score_image(pair)
            self.results.append({'truth': count_truth(sample, pair.truth, pair.valid), **own})

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Return the scores of the data set.

        Args:
            results: One entry per image, from all processes.

        Raises:
            ValueError: No image has ground truth, or masks of 0 and 255 were read as labels.
        """
        return self.combine(images_with_truth(type(self).__name__, results))
