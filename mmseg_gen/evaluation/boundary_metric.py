"""The boundary F-measure of two classes, mean over images."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmseg_gen.evaluation.samples import BinaryPair
from mmseg_gen.evaluation.two_class_metric import TwoClassMetric
from mmseg_gen.functional.boundary import boundary_score, tolerance_in_pixels
from mmseg_gen.registry import METRICS


@METRICS.register_module()
class BoundaryMetric(TwoClassMetric):
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
        super().__init__(ignore_index, **kwargs)
        tolerance_in_pixels(tolerance, (1, 1))
        self.tolerance = tolerance

    def score_image(self, pair: BinaryPair) -> dict[str, Any]:
        """Return precision, recall and F."""
        prediction, truth, valid = pair
        return {'score': tuple(boundary_score(prediction & valid, truth & valid, self.tolerance))}

    def combine(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Return the three means."""
        precision, recall, f_measure = np.mean([r['score'] for r in results], axis=0)
        return {'F': float(f_measure), 'precision': float(precision), 'recall': float(recall)}
