"""Intersections and unions by class, and intervals of the ratios of their sums (pooled IoU, mIoU)."""

from __future__ import annotations

import numpy as np


def intersection_union(prediction: np.ndarray, truth: np.ndarray, num_classes: int, ignore: int = 255) -> np.ndarray:
    """Return how many pixels of each class both label maps share and how many either has, float64 ``(C, 2)``.

    Args:
        prediction: Integer labels in [0, C), or bool, any shape.
        truth: Same shape; pixels equal to ``ignore`` do not count.
        num_classes: C.
        ignore: Label of pixels without truth.

    Raises:
        TypeError: A map does not hold integers.
        ValueError: The shapes differ, or a label is out of range.

    Example:
        >>> intersection_union(np.array([0, 1, 1]), np.array([0, 0, 1]), 2)
        array([[1., 2.],
               [1., 2.]])
    """
    prediction, truth = np.asarray(prediction), np.asarray(truth)
    if prediction.shape != truth.shape:
        raise ValueError(f'Expected `prediction` of shape {truth.shape}, but got {prediction.shape}.')
    for name, labels in (('prediction', prediction), ('truth', truth)):
        if labels.dtype.kind not in 'uib':
            raise TypeError(f'Expected `{name}` to hold integers, but got {labels.dtype}.')
    valid = truth != ignore
    pairs = prediction[valid].astype(np.int64), truth[valid].astype(np.int64)
    for name, labels in zip(('prediction', 'truth'), pairs, strict=True):
        if labels.size and not 0 <= labels.min() <= labels.max() < num_classes:
            raise ValueError(
                f'Expected `{name}` with labels in [0, {num_classes}), but got {labels.min()} to {labels.max()}.'
            )
    both = np.bincount(pairs[0][pairs[0] == pairs[1]], minlength=num_classes)
    areas = [np.bincount(labels, minlength=num_classes) for labels in pairs]
    return np.stack([both, areas[0] + areas[1] - both], -1).astype(np.float64)


def mean_ratio(counts: np.ndarray) -> np.ndarray:
    """Return numerator over denominator, averaged over the classes whose denominator is not 0; NaN without any.

    Args:
        counts: ``(..., C, 2)``, 0 or more.

    Example:
        >>> float(mean_ratio(np.array([[1.0, 2.0], [0.0, 0.0]])))
        0.5
    """
    top, bottom = counts[..., 0], counts[..., 1]
    known = bottom > 0
    ratios = np.where(known, top / np.where(known, bottom, 1), 0)
    return np.where(known.any(-1), ratios.sum(-1) / np.maximum(known.sum(-1), 1), np.nan)


def bootstrap_ratio_samples(counts: np.ndarray, *, resamples: int = 10_000, seed: int = 0) -> np.ndarray:
    """Return the mean ratio of resampled sets of images, ``(resamples,)``.

    Two methods on the same images give paired samples under one seed: the interval of their difference is that of the
    samples' differences.

    Args:
        counts: By image and class, ``(N, C, 2)``.
        resamples: Number of bootstrap samples.
        seed: Seed of the resampling.

    Raises:
        ValueError: ``counts`` has another shape, no image, or NaN; or ``resamples`` is below 1.
    """
    if counts.ndim != 3 or counts.shape[2] != 2 or not len(counts):
        raise ValueError(f'Expected `counts` of shape (N, C, 2) with N >= 1, but got {counts.shape}.')
    if not np.isfinite(counts).all():
        raise ValueError('Expected `counts` to be finite, but got NaN or infinite values.')
    if resamples < 1:
        raise ValueError(f'Expected `resamples` to be 1 or more, but got {resamples}.')
    number = len(counts)
    drawn = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), resamples)
    return mean_ratio((drawn @ counts.reshape(number, -1)).reshape(resamples, -1, 2))
