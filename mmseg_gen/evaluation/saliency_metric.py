"""Unsupervised saliency as TokenCut and DiffusionSeg score it: means over images, not pooled over pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from torch import Tensor

from mmseg_gen.evaluation.samples import (
    check_binary,
    check_sizes,
    count_truth,
    foreground_scores,
    images_with_truth,
    label_plane,
    naming,
)
from mmseg_gen.functional.saliency import (
    auc_roc,
    foreground_iou,
    max_f_beta,
    mean_absolute_error,
    pixel_accuracy,
    precision_recall_histogram,
)
from mmseg_gen.registry import METRICS


@METRICS.register_module()
class SaliencyMetric(BaseMetric):
    """Accuracy, foreground IoU, largest F, MAE and AUC-ROC of two-class models, all in [0, 1].

    Reported under ``sal/``: ``Acc`` and ``IoU`` at a threshold, ``maxF`` (255 thresholds, beta^2 = 0.3, F
    averaged over images and then its maximum), ``MAE`` and ``AUC`` (mean over images). Each image leaves four numbers
    and two histograms.

    An image whose mask is empty counts in Acc, IoU (1 if the prediction is empty too, else 0) and MAE; maxF
    and AUC, which are not defined there, are means over the others, and NaN if there are none. A full mask
    has no AUC either. Images whose truth is ignored altogether are left out, counted and listed in the log.

    Args:
        threshold: Foreground where the probability exceeds it.
        ignore_index: Ground-truth value of pixels that do not count.
        kwargs: ``prefix``, ``collect_device``, ``collect_dir`` of MMEngine's ``BaseMetric``.
    """

    default_prefix = 'sal'

    def __init__(self, threshold: float = 0.5, ignore_index: int = 255, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= threshold < 1:
            raise ValueError(f'Expected `threshold` in [0, 1), but got {threshold}.')
        self.threshold = threshold
        self.ignore_index = ignore_index

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Score each sample.

        Args:
            data_batch: Not used.
            data_samples: Each with ``seg_logits`` (two channels of logits, or one that MMSegmentation has
                already put through the sigmoid) and ``gt_sem_seg``.

        Raises:
            ValueError: A sample lacks one of the two, its sizes differ, it has more than two channels, a score is NaN
                or outside [0, 1], or the truth holds something other than 0, 1 and ``ignore_index``.
        """
        for sample in data_samples:
            scores, truth = foreground_scores(sample), label_plane(sample, 'gt_sem_seg')
            check_sizes(sample, scores.shape, truth.shape)
            valid = check_binary(sample, truth, self.ignore_index)
            result: dict[str, Any] = {'truth': count_truth(sample, truth, valid)}
            if valid.any():
                inside, target = torch.from_numpy(valid), torch.from_numpy(truth == 1)
                with naming(sample):
                    result |= self._score(scores.cpu()[inside], target[inside])
            self.results.append(result)

    def _score(self, scores: Tensor, target: Tensor) -> dict[str, Any]:
        prediction = scores > self.threshold
        positives, negatives = precision_recall_histogram(scores, target)
        return {
            'Acc': pixel_accuracy(prediction, target),
            'IoU': foreground_iou(prediction, target),
            'MAE': mean_absolute_error(scores, target),
            'AUC': auc_roc(scores, target),
            'positives': positives.numpy(),
            'negatives': negatives.numpy(),
        }

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Return the five scores of the data set.

        Args:
            results: One entry per image, from all processes.

        Raises:
            ValueError: No image had a valid pixel, or masks of 0 and 255 were read as labels.
        """
        results = images_with_truth(type(self).__name__, results)
        scores = {
            name: torch.tensor([r[name] for r in results], dtype=torch.float64) for name in ('Acc', 'IoU', 'MAE', 'AUC')
        }
        positives, negatives = (
            torch.stack([torch.from_numpy(r[name]) for r in results]) for name in ('positives', 'negatives')
        )
        shown = positives.sum(1) > 0
        if not shown.all():
            MMLogger.get_current_instance().info(
                f'SaliencyMetric: {int((~shown).sum())} of {len(results)} images have an empty mask; '
                'maxF and AUC leave them out.'
            )
        largest = max_f_beta(positives[shown], negatives[shown]) if shown.any() else float('nan')
        means = {name: float(values.nanmean()) for name, values in scores.items()}
        return {
            'Acc': means['Acc'],
            'IoU': means['IoU'],
            'maxF': largest,
            'MAE': means['MAE'],
            'AUC': means['AUC'],
        }
