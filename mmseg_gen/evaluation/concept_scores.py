"""How good the masks of each step are, where truth was kept aside (fobadiffusion, Tab. 2).

Shape letters: N photos, C classes, the background included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmseg_gen.errors import UserError
from mmseg_gen.evaluation.mask_reading import find_masks, read_values
from mmseg_gen.functional.bootstrap import bootstrap_mean_interval
from mmseg_gen.functional.canvas import resize_map
from mmseg_gen.functional.label_counts import bootstrap_ratio_samples, intersection_union, mean_ratio
from mmseg_gen.functional.photo_records import PhotoRecord
from mmseg_gen.functional.saliency import auc_roc

# Label map of a photo by its name; None where the step gave none.
Labels = Callable[[str], np.ndarray | None]
_DIGITS = 4


@dataclass(frozen=True)
class StepScores:
    """One step's scores on all photos with truth, in one order.

    Attributes:
        iou: IoU of each photo, mean over the concepts it shows, float64 ``(N,)``.
        counts: Pixels in both and in either, float64 ``(N, C, 2)``.
    """

    iou: np.ndarray
    counts: np.ndarray

    def summary(self) -> dict[str, dict[str, Any]]:
        """Return ``iou`` (mean over photos), ``iou_pooled`` (concepts) and ``miou_pooled``, each with an interval.

        The pooled ones are the paper's convention.
        """
        return {
            'iou': _interval(self.iou.mean(), bootstrap_mean_interval(self.iou)),
            'iou_pooled': _pooled(self.counts[:, 1:]),
            'miou_pooled': _pooled(self.counts),
        }


def read_truth(folder: str | Path, names: Sequence[str], num_classes: int) -> dict[str, np.ndarray]:
    """Return the truth of photos by name, uint8 ``(H, W)``; photos without a mask are left out.

    Args:
        folder: Masks named as the photos: 0 and anything else for one concept, label maps for several.
        names: Of the photos.
        num_classes: C.

    Raises:
        UserError: There is no such folder, no photo has a mask, or a mask is damaged or holds other labels.
    """
    files = find_masks(Path(folder), '')
    found = {}
    for name in names:
        path = files.get(name, files.get(Path(name).name))
        if path is None:
            continue
        values = read_values(path)
        found[name] = (values > 0).astype(np.uint8) if num_classes == 2 else values.astype(np.uint8)
        if found[name].ndim != 2 or set(np.unique(found[name]).tolist()) - {*range(num_classes), 255}:
            raise UserError(f'Expected labels 0 to {num_classes - 1}, or 255, in {path}, but got others.')
    if not found:
        raise UserError(f'Expected masks in {folder} named as the photos, {names[0]}.png for one, but got none.')
    return found


def score_step(labels: Labels, truth: Mapping[str, np.ndarray], num_classes: int) -> StepScores:
    """Return a step's scores; where it gave no mask, all is background.

    Args:
        labels: Of the step.
        truth: From :func:`read_truth`.
        num_classes: C.
    """
    counts = []
    for name in sorted(truth):
        found = labels(name)
        found = np.zeros_like(truth[name]) if found is None else found
        counts.append(intersection_union(found, truth[name], num_classes))
    stacked = np.stack(counts)
    both, either = stacked[:, 1:, 0], stacked[:, 1:, 1]
    shown = either > 0
    iou = np.divide(both, either, out=np.zeros_like(both), where=shown).sum(1)
    return StepScores(np.where(shown.any(1), iou / np.maximum(shown.sum(1), 1), 1.0), stacked)


def step_difference(better: StepScores, worse: StepScores) -> dict[str, Any]:
    """Return the mean difference of the photos' IoU and its paired bootstrap interval."""
    values = better.iou - worse.iou
    return _interval(values.mean(), bootstrap_mean_interval(values))


def map_auc(
    records: Mapping[str, PhotoRecord], root: Path, truth: Mapping[str, np.ndarray], num_classes: int
) -> dict[str, Any] | None:
    """Return the area under the ROC curve of the mean maps, mean over photos and concepts; None where none has both.

    Args:
        records: Of the preliminary masks.
        root: Their folder.
        truth: From :func:`read_truth`.
        num_classes: C.
    """
    areas = []
    for name, labels in sorted(truth.items()):
        if name not in records or 'map' not in records[name].files:
            continue
        maps = np.load(records[name].path(root, 'map'), allow_pickle=False).astype(np.float32)
        own = [_area(maps[c - 1], labels == c) for c in range(1, num_classes)]
        areas.append(np.mean([value for value in own if not np.isnan(value)] or [np.nan]))
    values = np.array([value for value in areas if not np.isnan(value)])
    return _interval(values.mean(), bootstrap_mean_interval(values)) if len(values) else None


def _area(values: np.ndarray, mask: np.ndarray) -> float:
    return auc_roc(torch.from_numpy(resize_map(values, mask.shape[:2])), torch.from_numpy(mask))


def _pooled(counts: np.ndarray) -> dict[str, Any]:
    low, high = np.nanquantile(bootstrap_ratio_samples(counts), [0.025, 0.975])
    return _interval(float(mean_ratio(counts.sum(0))), (float(low), float(high)))


def _interval(mean: float, bounds: tuple[float, float]) -> dict[str, Any]:
    return {'mean': round(float(mean), _DIGITS), 'ci95': [round(bound, _DIGITS) for bound in bounds]}
