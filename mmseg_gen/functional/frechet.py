"""The Frechet distance of two sets of features taken as Gaussians (Heusel et al., NIPS 2017: FID).

Shape letters: N samples, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class Moments:
    """Running mean and scatter of feature vectors, in memory that does not grow with their number.

    Attributes:
        count: N so far.
        mean: float64 ``(D,)``.
        scatter: Sum of the outer products of the deviations from the mean, float64 ``(D, D)``.
    """

    count: int
    mean: np.ndarray
    scatter: np.ndarray

    @classmethod
    def empty(cls, dimensions: int) -> Moments:
        """Return the moments of no vector at all."""
        return cls(0, np.zeros(dimensions), np.zeros((dimensions, dimensions)))

    @classmethod
    def of(cls, features: np.ndarray) -> Moments:
        """Return the moments of features ``(N, D)``.

        Raises:
            ValueError: The array has another shape or is not finite.
        """
        features = np.asarray(features, np.float64)
        if features.ndim != 2 or not features.size or not np.isfinite(features).all():
            raise ValueError(f'Expected finite `features` of shape (N, D), but got {features.shape}, NaN or infinite.')
        mean = features.mean(0)
        deviations = features - mean
        return cls(len(features), mean, deviations.T @ deviations)

    def merged(self, other: Moments) -> Moments:
        """Return the moments of both sets together (Chan, Golub and LeVeque 1979).

        Raises:
            ValueError: The dimensions differ.
        """
        if self.mean.shape != other.mean.shape:
            raise ValueError(f'Expected features of {len(self.mean)} dimensions, but got {len(other.mean)}.')
        count = self.count + other.count
        if not count:
            return self
        step = other.mean - self.mean
        scatter = self.scatter + other.scatter + np.outer(step, step) * (self.count * other.count / count)
        return Moments(count, self.mean + step * (other.count / count), scatter)

    @property
    def covariance(self) -> np.ndarray:
        """The unbiased covariance, float64 ``(D, D)``.

        Raises:
            ValueError: There are fewer than two vectors.
        """
        if self.count < 2:
            raise ValueError(f'Expected at least 2 samples for a covariance, but got {self.count}.')
        return self.scatter / (self.count - 1)


def frechet_distance(mean: np.ndarray, covariance: np.ndarray, mean2: np.ndarray, covariance2: np.ndarray) -> float:
    """Return ``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))``, at least 0.

    The trace of the root is taken from the eigenvalues of ``C1^(1/2) C2 C1^(1/2)``, which is symmetric and has
    those of ``C1 C2``: no complex numbers, and singular covariances (fewer samples than dimensions) need no
    offset.

    Args:
        mean: ``(D,)``.
        covariance: Symmetric, positive semi-definite, ``(D, D)``.
        mean2: ``(D,)``.
        covariance2: ``(D, D)``.

    Raises:
        ValueError: The shapes do not fit, or something is not finite.

    Example:
        >>> frechet_distance(np.zeros(1), np.array([[4.0]]), np.array([3.0]), np.array([[1.0]]))
        10.0
    """
    arrays = [np.asarray(a, np.float64) for a in (mean, covariance, mean2, covariance2)]
    dimensions = arrays[0].size
    shapes = [a.shape for a in arrays]
    if shapes != [(dimensions,), (dimensions, dimensions)] * 2 or not all(np.isfinite(a).all() for a in arrays):
        raise ValueError(f'Expected finite means (D,) and covariances (D, D) of one D, but got shapes {shapes}.')
    mean, covariance, mean2, covariance2 = arrays
    root = _symmetric_root(covariance)
    values = np.linalg.eigvalsh(root @ covariance2 @ root)
    overlap = np.sqrt(np.clip(values, 0, None)).sum()
    distance = ((mean - mean2) ** 2).sum() + np.trace(covariance) + np.trace(covariance2) - 2 * overlap
    return max(0.0, float(distance))


def _symmetric_root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
