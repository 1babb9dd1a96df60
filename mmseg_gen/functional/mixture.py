"""Two-component Gaussian mixture of a map's values, after fobadiffusion (there with unequal variances)."""

from __future__ import annotations

import numpy as np

_MIN_SHARE = 0.02


def two_means(values: np.ndarray, iterations: int = 50) -> tuple[float, float]:
    """Return the lower and the higher mean of a mixture of two Gaussians with one variance, fitted by EM.

    One variance keeps the posterior increasing in the value; with two, the wider component wins at both
    ends. Neither share is let below 2 % (ours). Deterministic: EM starts at the two clusters of Lloyd's
    algorithm from the extremes.

    Args:
        values: Any shape, finite.
        iterations: Steps of EM.

    Raises:
        ValueError: There is no value, or one is NaN or infinite.

    Example:
        >>> low, high = two_means(np.array([0.0, 0.1, 0.0, 0.9, 1.0, 0.1]))
        >>> round(low, 2), round(high, 2)
        (0.05, 0.95)
    """
    v = np.asarray(values, np.float64).ravel()
    if not v.size or not np.isfinite(v).all():
        raise ValueError(f'Expected `values` to be finite and at least one, but got {v.size} with NaN or infinite.')
    # Between neighbouring floats there is no middle to split at.
    if np.ptp(v) <= 4 * np.spacing(np.abs(v).max()):
        return float(v[0]), float(v[0])
    floor = 1e-6 * v.var()
    low, high, share = _split_means(v)
    variance = np.where(v > (low + high) / 2, v - high, v - low).var() + floor
    for _ in range(iterations):
        logit = (high - low) / variance * (v - (low + high) / 2) + np.log(share / (1 - share))
        member = 1 / (1 + np.exp(-np.clip(logit, -50, 50)))
        high, low = np.average(v, weights=member), np.average(v, weights=1 - member)
        variance = (member * (v - high) ** 2 + (1 - member) * (v - low) ** 2).mean() + floor
        share = np.clip(member.mean(), _MIN_SHARE, 1 - _MIN_SHARE)
    return float(low), float(high)


def _split_means(v: np.ndarray, iterations: int = 20) -> tuple[float, float, float]:
    """Return the means of the two clusters of Lloyd's algorithm from the extremes, and the upper one's share."""
    low, high = float(v.min()), float(v.max())
    upper = v > (low + high) / 2
    for _ in range(iterations):
        low, high = float(v[~upper].mean()), float(v[upper].mean())
        upper = v > (low + high) / 2
    return low, high, float(np.clip(upper.mean(), _MIN_SHARE, 1 - _MIN_SHARE))


def mixture_calibration(values: np.ndarray) -> np.ndarray:
    """Return values in (0, 1): 0.5 half-way between the two means, 0.88 at the higher, 0.12 at the lower one.

    A logistic in the value (ours): posterior-like, but with its slope set by the distance of the means
    rather than by the variance, so that it does not saturate; where an object fills most of the map, its
    centre moves with the values, which a min-max does not. A constant map becomes zeros.

    Args:
        values: ``(H, W)``, finite.
    """
    low, high = two_means(values)
    if high - low <= 1e-12:
        return np.zeros_like(values, dtype=np.float32)
    logit = 4 * (values - (low + high) / 2) / (high - low)
    return (1 / (1 + np.exp(-np.clip(logit, -30, 30)))).astype(np.float32)
