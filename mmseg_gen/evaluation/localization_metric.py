"""Single-object localisation: the box of the largest predicted component against ground-truth boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmseg_gen.evaluation.samples import label_plane, naming, sample_name, shortened, warn
from mmseg_gen.functional.boxes import box_iou, box_mask, largest_component_box
from mmseg_gen.registry import METRICS


@METRICS.register_module()
class LocalizationMetric(BaseMetric):
    """CorLoc, the mean box IoU, and the IoU of mask and boxes, in [0, 1].

    The predicted box is the tight one of the largest 8-connected component of the foreground (all labels above
    0). Reported under ``loc/``: ``CorLoc``, the share of images where it meets any true box with IoU above the
    threshold; ``BoxIoU``, the mean over images of its largest IoU with a true box; ``MaskBoxIoU``, the mean over images
    of the IoU of the predicted foreground itself and the area of all true boxes together. An empty prediction has
    IoU 0.

    Images without any true box are left out, counted and listed in the log.

    Args:
        threshold: IoU that must be exceeded (PASCAL VOC's 0.5).
        kwargs: ``prefix``, ``collect_device``, ``collect_dir`` of MMEngine's ``BaseMetric``.

    Raises:
        ValueError: ``threshold`` is outside [0, 1).
    """

    default_prefix = 'loc'

    def __init__(self, threshold: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= threshold < 1:
            raise ValueError(f'Expected `threshold` in [0, 1), but got {threshold}.')
        self.threshold = threshold

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Score each sample.

        Args:
            data_batch: Not used.
            data_samples: Each with ``pred_sem_seg`` in the original size and ``boxes`` ``(N, 4)``: x1, y1, x2, y2 in
                original pixels, half-open.

        Raises:
            ValueError: A sample lacks one of the two, a box has no area, or the boxes do not fit the size.
        """
        for sample in data_samples:
            foreground = label_plane(sample, 'pred_sem_seg') > 0
            boxes = _boxes(sample, foreground.shape)
            if not len(boxes):
                self.results.append({'name': sample_name(sample), 'box': None, 'mask': None})
                continue
            with naming(sample):
                found = largest_component_box(foreground)
                best = 0.0 if found is None else float(box_iou(found[None], boxes).max())
                area = box_mask(boxes, foreground.shape)
            union = np.count_nonzero(area | foreground)
            overlap = np.count_nonzero(area & foreground) / union if union else 0.0
            self.results.append({'name': sample_name(sample), 'box': best, 'mask': overlap})

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Return the three scores of the data set.

        Args:
            results: One entry per image, from all processes.

        Raises:
            ValueError: No image has a box.
        """
        scored = [r for r in results if r['box'] is not None]
        without = [r['name'] for r in results if r['box'] is None]
        if not scored:
            raise ValueError('LocalizationMetric: expected at least one image with boxes, but got none.')
        if without:
            warn(f'LocalizationMetric: left out {len(without)} of {len(results)} without boxes: {shortened(without)}.')
        best = np.array([r['box'] for r in scored])
        return {
            'CorLoc': float((best > self.threshold).mean()),
            'BoxIoU': float(best.mean()),
            'MaskBoxIoU': float(np.mean([r['mask'] for r in scored])),
        }


def _boxes(sample: dict, size: tuple[int, int]) -> np.ndarray:
    if 'boxes' not in sample:
        raise ValueError(
            f'Expected `boxes` for {sample_name(sample)}, but got {sorted(sample)}: '
            "add 'boxes' to the `meta_keys` of PackSegInputs, on a data set that has them."
        )
    boxes = sample['boxes']
    boxes = np.asarray(boxes.cpu() if isinstance(boxes, Tensor) else boxes, np.float32).reshape(-1, 4)
    limits = np.array([size[1], size[0]] * 2)
    # A pixel of slack for annotations that round up or count from 1.
    if len(boxes) and ((boxes < -1) | (boxes > limits + 1)).any():
        raise ValueError(
            f'Expected `boxes` of {sample_name(sample)} inside its prediction of {size[1]} x {size[0]} pixels, '
            f'but got up to {boxes.max(0).tolist()}: boxes and predictions must be in original pixels.'
        )
    return boxes
