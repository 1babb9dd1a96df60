"""What a refinement gains on poor, fair and good initial masks (G4Seg, Appendix I)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from mmseg_gen.evaluation.samples import class_names, label_pair, naming, sample_name, shortened, warn
from mmseg_gen.functional.region_counts import confusion_matrix, image_iou
from mmseg_gen.functional.stratified import EDGES, improvement_by_initial
from mmseg_gen.registry import METRICS


@METRICS.register_module()
class StratifiedImprovementMetric(BaseMetric):
    """Mean change of each image's IoU from ``initial_seg`` to ``pred_sem_seg``, by initial IoU, in [-1, 1].

    An image's IoU is the mean over the classes in its truth or its mask. Reported under ``gain/`` for each of
    ``below_40``, ``40_to_80``, ``above_80`` and ``all``: ``NAME`` (mean gain), ``NAME_low`` and ``NAME_high`` (paired
    bootstrap interval, 95 %), ``NAME_count``. A range without images is NaN.

    Args:
        edges: Bounds of the ranges of initial IoU; a value on a bound belongs to the middle.
        resamples: Bootstrap samples.
        ignore_index: Ground-truth value of pixels that do not count.
        kwargs: ``prefix``, ``collect_device``, ``collect_dir`` of MMEngine's ``BaseMetric``.
    """

    default_prefix = 'gain'

    def __init__(
        self,
        edges: tuple[float, float] = EDGES,
        resamples: int = 2000,
        ignore_index: int = 255,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.edges, self.resamples, self.ignore_index = tuple(edges), resamples, ignore_index

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Score each sample's masks before and after.

        Args:
            data_batch: Not used.
            data_samples: Each with ``initial_seg``, ``pred_sem_seg`` and ``gt_sem_seg``, integer labels.

        Raises:
            ValueError: A sample lacks one of the three, its sizes differ, or a label is out of range.
        """
        num_classes = len(class_names(self))
        for sample in data_samples:
            pairs = [label_pair(sample, key) for key in ('initial_seg', 'pred_sem_seg')]
            with naming(sample):
                iou = [image_iou(confusion_matrix(*pair, num_classes, self.ignore_index)) for pair in pairs]
            self.results.append({'name': sample_name(sample), 'iou': iou})

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Return the gains of the data set.

        Args:
            results: One entry per image, from all processes.

        Raises:
            ValueError: No image has ground truth.
        """
        scored = [r['iou'] for r in results if not np.isnan(r['iou']).any()]
        ignored = [r['name'] for r in results if np.isnan(r['iou']).any()]
        if not scored:
            raise ValueError('StratifiedImprovementMetric: expected images with ground truth, but got none.')
        if ignored:
            warn(f'StratifiedImprovementMetric: left out {len(ignored)}, all ignored: {shortened(ignored)}.')
        initial, refined = np.array(scored).T
        scores: dict[str, float] = {}
        for stratum in improvement_by_initial(initial, refined, self.edges, resamples=self.resamples):
            low, high = stratum.interval
            own = {'': stratum.gain, '_low': low, '_high': high, '_count': float(stratum.count)}
            scores |= {stratum.name + ending: value for ending, value in own.items()}
        return scores
