"""Bootstrap intervals for paired comparisons."""

from __future__ import annotations

import numpy as np


def bootstrap_mean_interval(
    values: np.ndarray, *, level: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a mean.

    For a paired comparison pass the differences, one per image.

    Args:
        values: One number per image, ``(N,)``.
        level: Coverage in (0, 1).
        resamples: Number of bootstrap samples, at least 1.
        seed: Seed of the resampling.

    Raises:
        ValueError: ``values`` is empty or not finite, or ``level`` or ``resamples`` is out of range.

    Example:
        >>> bootstrap_mean_interval(np.full(5, 0.25))
        (0.25, 0.25)
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise ValueError(f'Expected `values` as a non-empty, finite vector, but got shape {values.shape}.')
    if not 0 < level < 1:
        raise ValueError(f'Expected `level` in (0, 1), but got {level}: 95 % is 0.95.')
    if resamples < 1:
        raise ValueError(f'Expected `resamples` to be 1 or more, but got {resamples}.')
    rng = np.random.default_rng(seed)
    means = np.array([values[rng.integers(0, len(values), len(values))].mean() for _ in range(resamples)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
