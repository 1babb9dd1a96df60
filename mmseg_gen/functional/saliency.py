"""Scores of salient object detection in the conventions of TokenCut (Wang et al., CVPR 2022), in [0, 1].

All but :func:`max_f_beta` score one image. Shape letters: T = 255 thresholds evenly spaced in [0, 1].
"""

from __future__ import annotations

import torch
from torch import Tensor

from .region_counts import mask_iou

THRESHOLDS = 255
BETA_SQUARED = 0.3


def pixel_accuracy(prediction: Tensor, target: Tensor) -> float:
    """Return the share of pixels on which two bool masks agree."""
    _check_masks(prediction, target)
    return float((prediction == target).double().mean())


def foreground_iou(prediction: Tensor, target: Tensor) -> float:
    """Return intersection over union of two bool masks; 1 where both are empty.

    Example:
        >>> foreground_iou(torch.tensor([True, True, False]), torch.tensor([True, False, False]))
        0.5
    """
    _check_masks(prediction, target)
    return mask_iou(prediction.cpu().numpy(), target.cpu().numpy())


def mean_absolute_error(scores: Tensor, target: Tensor) -> float:
    """Return the mean absolute difference of scores in [0, 1] and a bool mask."""
    _check_scores(scores, target)
    return float((scores.double() - target.double()).abs().mean())


def precision_recall_histogram(scores: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the numbers of foreground and of background pixels by score, long ``(T,)`` each.

    Bin i holds the scores in [i / (T - 1), (i + 1) / (T - 1)), so that the sum from bin i on counts the
    pixels at or above the i-th threshold, and an image of any size leaves 2 T integers.

    Args:
        scores: In [0, 1].
        target: Bool mask of the same shape.

    Raises:
        ValueError: The shapes differ, a score is NaN or outside [0, 1], or there is no pixel.
        TypeError: ``target`` is not bool.
    """
    _check_scores(scores, target)
    thresholds = torch.linspace(0, 1, THRESHOLDS, dtype=torch.float64, device=scores.device)
    place = torch.searchsorted(thresholds, scores.double().flatten(), right=True) - 1
    inside = target.flatten()
    return tuple(torch.bincount(place[side], minlength=THRESHOLDS) for side in (inside, ~inside))


def precision_recall(positives: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
    """Return precision and recall at each threshold, float64 ``(..., T)``; 0 where they are 0 / 0.

    Args:
        positives: From :func:`precision_recall_histogram`.
        negatives: Likewise.
    """
    hits, alarms = (h.double().flip(-1).cumsum(-1).flip(-1) for h in (positives, negatives))
    return hits / (hits + alarms).clamp(min=1), hits / hits[..., :1].clamp(min=1)


def f_beta(precision: Tensor, recall: Tensor, beta_squared: float = BETA_SQUARED) -> Tensor:
    """Return the F-measure, the weighted harmonic mean of precision and recall; 0 where both are 0."""
    below = beta_squared * precision + recall
    return torch.where(below > 0, (1 + beta_squared) * precision * recall / torch.where(below > 0, below, 1), 0)


def max_f_beta(positives: Tensor, negatives: Tensor, beta_squared: float = BETA_SQUARED) -> float:
    """Return the largest, over thresholds, of the mean F over images: one threshold for the whole data set.

    Args:
        positives: Histograms of N images, ``(N, T)``; images without any foreground should be left out,
            their F is 0.
        negatives: Likewise.
        beta_squared: Weight of recall against precision (0.3: Achanta et al., CVPR 2009).
    """
    return float(f_beta(*precision_recall(positives, negatives), beta_squared).mean(0).max())


def auc_roc(scores: Tensor, target: Tensor) -> float:
    """Return the exact area under the ROC curve: how often foreground scores above background, ties half.

    NaN where the mask is empty or full.

    Args:
        scores: Any real values.
        target: Bool mask of the same number of pixels.

    Raises:
        TypeError: ``target`` is not bool.
        ValueError: The numbers of pixels differ, there is none, or a score is NaN or infinite.
    """
    scores, target = scores.flatten(), target.flatten()
    _check_masks(target, target)
    if scores.shape != target.shape or not torch.isfinite(scores).all():
        raise ValueError(
            f'Expected {target.numel()} finite `scores`, but got {scores.numel()}, NaN or infinite values.'
        )
    _, place = scores.unique(return_inverse=True)
    count = int(place.max()) + 1
    return histogram_auc(*(torch.bincount(place[side], minlength=count) for side in (target, ~target)))


def histogram_auc(positives: Tensor, negatives: Tensor) -> float:
    """Return the area under the ROC curve from counts by increasing score, ``(T,)`` each.

    Sum the histograms of many images for the pooled area. Scores of one bin count as ties. NaN where one
    sort of pixel is missing.
    """
    positives, negatives = positives.double(), negatives.double()
    pairs = positives.sum() * negatives.sum()
    below = negatives.cumsum(0) - negatives / 2
    return float((below * positives).sum() / pairs) if pairs else float('nan')


def _check_masks(prediction: Tensor, target: Tensor) -> None:
    for name, mask in (('prediction', prediction), ('target', target)):
        if mask.dtype != torch.bool:
            raise TypeError(f'Expected `{name}` to be a bool tensor, but got {mask.dtype}.')
    if prediction.shape != target.shape or target.numel() == 0:
        raise ValueError(
            f'Expected two masks of one size, but got {tuple(prediction.shape)} and {tuple(target.shape)}.'
        )


def _check_scores(scores: Tensor, target: Tensor) -> None:
    _check_masks(target, target)
    if scores.shape != target.shape:
        raise ValueError(f'Expected `scores` of shape {tuple(target.shape)}, but got {tuple(scores.shape)}.')
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError('Expected `scores` in [0, 1], but got NaN or values outside.')
