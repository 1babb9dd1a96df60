"""The boundary F-measure of two classes, mean over images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from mmseg_gen.evaluation.samples import binary_pair, count_truth, images_with_truth, naming
from mmseg_gen.functional.boundary import boundary_score, tolerance_in_pixels
from mmseg_gen.registry import METRICS


@METRICS.register_module()
class BoundaryMetric(BaseMetric):
    """Precision, recall and F of the foreground's contour within a tolerance, means over images, in [0, 1].

    Reported under ``boundary/``: ``F``, ``precision``, ``recall``. Where neither mask has a contour all are 1, where
    only one has none 0. Ignored pixels count as background in both masks, so their border is one in both.

    Args:
        tolerance: In pixels, or below 1 as a share of the image's diagonal, rounded up (DAVIS: 0.008).
        ignore_index: Ground-truth value of pixels that do not count.
        kwargs: ``prefix``, ``collect_device``, ``collect_dir`` of MMEngine's ``BaseMetric``.

    Raises:
        ValueError: ``tolerance`` is not above 0.
    """

    default_prefix = 'boundary'

    def __init__(self, tolerance: float = 0.008, ignore_index: int = 255, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        tolerance_in_pixels(tolerance, (1, 1))
        self.tolerance, self.ignore_index = tolerance, ignore_index

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Score each sample.

        Args:
            data_batch: Not used.
            data_samples: Each with ``pred_sem_seg`` and ``gt_sem_seg``, labels 0 and 1.

        Raises:
            ValueError: A sample lacks one of the two, its sizes differ, or it has other labels.
        """
        for sample in data_samples:
            prediction, truth, valid = binary_pair(sample, self.ignore_index)
            with naming(sample):
                score = boundary_score(prediction & valid, truth & valid, self.tolerance)
            self.results.append({'truth': count_truth(sample, truth, valid), 'score': tuple(score)})

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Return the three scores of the data set.

        Args:
            results: One entry per image, from all processes.

        Raises:
            ValueError: No image has ground truth, or masks of 0 and 255 were read as labels.
        """
        scored = images_with_truth(type(self).__name__, results)
        precision, recall, f_measure = np.mean([r['score'] for r in scored], axis=0)
        return {'F': float(f_measure), 'precision': float(precision), 'recall': float(recall)}
