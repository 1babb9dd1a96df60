"""Fully connected CRF by mean field (Kraehenbuehl and Koltun, NIPS 2011), without compiled code.

The appearance kernel is filtered on a permutohedral lattice (Adams et al., Eurographics 2010) held as sparse
matrices: splat, one blur per lattice direction, slice. The smoothness kernel is a separable Gaussian. Shape
letters: N = H * W pixels, d feature dimensions,
C classes, M lattice points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class CrfSettings:
    """Settings of the dense CRF; the defaults are those of the pydensecrf examples where nothing else is said.

    Attributes:
        iterations: Mean-field steps; 5 in the examples.
        smooth_sigma: Deviation of the smoothness kernel in pixels.
        smooth_weight: Weight of the smoothness kernel.
        position_sigma: Deviation of the appearance kernel in pixels; 80 in the examples.
        color_sigma: Deviation of the appearance kernel in grey levels, [0, 255].
        color_weight: Weight of the appearance kernel.

    Raises:
        ValueError: A value is out of range.
    """

    iterations: int = 10
    smooth_sigma: float = 3.0
    smooth_weight: float = 3.0
    position_sigma: float = 50.0
    color_sigma: float = 13.0
    color_weight: float = 10.0

    def __post_init__(self) -> None:
        for name in ('smooth_sigma', 'position_sigma', 'color_sigma'):
            if not getattr(self, name) > 0:
                raise ValueError(f'Expected `{name}` to be positive, but got {getattr(self, name)}.')
        for name in ('iterations', 'smooth_weight', 'color_weight'):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f'Expected `{name}` to be 0 or more and finite, but got {getattr(self, name)}.')


class PermutohedralLattice:
    """Approximate product with ``K_ij = exp(-||f_i - f_j||^2 / 2)``."""

    def __init__(self, features: np.ndarray) -> None:
        """Build the lattice.

        Args:
            features: ``(N, d)``, already divided by the kernel's deviations.
        """
        count, dims = features.shape
        rank, remainder, weights = _simplices(np.asarray(features, np.float64))
        canonical = np.array([[r if j <= dims - r else r - dims - 1 for j in range(dims + 1)] for r in range(dims + 1)])
        corners = remainder[:, None, :] + canonical[:, rank].transpose(1, 0, 2)
        keys = corners[..., :dims].reshape(-1, dims)
        low = keys.min(0) - (dims + 1)
        span = (keys - low).max(0) + dims + 2
        stride = np.concatenate([[1], np.cumprod(span[:-1])]).astype(np.int64)
        points, owner = np.unique((keys - low) @ stride, return_inverse=True)
        pixel: np.ndarray = np.repeat(np.arange(count), dims + 1)
        shape = (len(points), count)
        self._splat = csr_matrix((weights.ravel().astype(np.float32), (owner.ravel(), pixel)), shape=shape)
        self._blurs = [self._blur(points, stride, axis) for axis in range(dims + 1)]
        self._gain = 1 / (1 + 2.0**-dims)

    @staticmethod
    def _blur(points: np.ndarray, stride: np.ndarray, axis: int) -> csr_matrix:
        """Return the filter (1/2, 1, 1/2) along one lattice direction, sparse ``(M, M)``."""
        count, dims = len(points), len(stride)
        step: np.ndarray = np.ones(dims, np.int64)
        if axis < dims:
            step[axis] = -dims
        move = int(step @ stride)
        rows, columns = [np.arange(count)], [np.arange(count)]
        values: list[np.ndarray] = [np.ones(count, np.float32)]
        targets: tuple[np.ndarray, ...] = (points + move, points - move)
        for target in targets:
            at = np.minimum(np.searchsorted(points, target), count - 1)
            found = points[at] == target
            rows.append(np.flatnonzero(found))
            columns.append(at[found])
            values.append(np.full(found.sum(), 0.5, np.float32))
        entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
        return csr_matrix(entries, shape=(count, count))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the filtered values, ``(N, C)``."""
        on_lattice = self._splat @ values
        for blur in self._blurs:
            on_lattice = blur @ on_lattice
        return self._gain * (self._splat.T @ on_lattice)


def _simplices(features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rank, nearest remainder-0 point and barycentric weights of each feature, ``(N, d + 1)`` each."""
    count, dims = features.shape
    every, axes = np.arange(count), np.arange(dims)
    scaled = features * (np.sqrt(2 / 3) * (dims + 1) / np.sqrt((axes + 2.0) * (axes + 1.0)))
    elevated, total = np.empty((count, dims + 1)), np.zeros(count)
    for j in range(dims, 0, -1):
        elevated[:, j] = total - j * scaled[:, j - 1]
        total = total + scaled[:, j - 1]
    elevated[:, 0] = total
    rounded = np.rint(elevated / (dims + 1))
    remainder, excess = (rounded * (dims + 1)).astype(np.int64), rounded.sum(1).astype(np.int64)
    order = np.argsort(-(elevated - remainder), axis=1, kind='stable')
    rank = np.empty((count, dims + 1), np.int64)
    rank[every[:, None], order] = np.arange(dims + 1)
    rank += excess[:, None]
    wrap = (rank < 0).astype(np.int64) - (rank > dims).astype(np.int64)
    rank, remainder = rank + (dims + 1) * wrap, remainder + (dims + 1) * wrap
    share = (elevated - remainder) / (dims + 1)
    weights = np.zeros((count, dims + 2))
    for i in range(dims + 1):
        np.add.at(weights, (every, dims - rank[:, i]), share[:, i])
        np.add.at(weights, (every, dims + 1 - rank[:, i]), -share[:, i])
    weights[:, 0] += 1 + weights[:, dims + 1]
    return rank, remainder, weights[:, : dims + 1]


def mean_field(
    probabilities: np.ndarray, smoothness: Callable, appearance: Callable, settings: CrfSettings
) -> np.ndarray:
    """Return the marginals of a Potts CRF after some mean-field steps, ``(N, C)``, rows summing to 1.

    Args:
        probabilities: Unary probabilities, ``(N, C)``.
        smoothness: Product of a kernel matrix with ``(N, C)`` values.
        appearance: Likewise.
        settings: Weights and number of steps; both kernels are normalised symmetrically.
    """
    unary = -np.log(np.clip(probabilities, 1e-8, 1))
    ones: np.ndarray = np.ones((len(unary), 1), np.float32)
    kernels = [(settings.color_weight, appearance), (settings.smooth_weight, smoothness)]
    normed = [(weight, kernel, 1 / np.sqrt(kernel(ones) + 1e-20)) for weight, kernel in kernels]
    marginals = _softmax(-unary)
    for _ in range(settings.iterations):
        messages = sum(weight * norm * kernel(marginals * norm) for weight, kernel, norm in normed)
        marginals = _softmax(messages - unary)
    return marginals


def dense_crf(probabilities: np.ndarray, image: np.ndarray, settings: CrfSettings | None = None) -> np.ndarray:
    """Return probabilities refined by the image's colours, float32 ``(C, H, W)``.

    Args:
        probabilities: ``(C, H, W)``, summing to 1 over C.
        image: RGB ``(H, W, 3)`` in [0, 255].
        settings: None for the defaults.

    Raises:
        ValueError: A shape does not fit, or a probability is NaN or infinite.
    """
    settings = settings or CrfSettings()
    if probabilities.ndim != 3 or 0 in probabilities.shape:
        raise ValueError(f'Expected `probabilities` of shape (C, H, W), but got {probabilities.shape}.')
    classes, height, width = probabilities.shape
    if image.shape != (height, width, 3):
        raise ValueError(f'Expected `image` of shape {(height, width, 3)}, but got {image.shape}.')
    if not np.isfinite(probabilities).all():
        raise ValueError('Expected `probabilities` to be finite, but got NaN or infinite values.')
    position = np.stack(np.mgrid[:height, :width], -1) / settings.position_sigma
    features = np.concatenate([position, image / settings.color_sigma], -1).reshape(-1, 5)
    sigma = (settings.smooth_sigma, settings.smooth_sigma, 0)

    def smooth(values: np.ndarray) -> np.ndarray:
        grid = gaussian_filter(values.reshape(height, width, -1), sigma, mode='constant', truncate=4)
        return grid.reshape(height * width, -1)

    flat: np.ndarray = probabilities.reshape(classes, -1).T.astype(np.float32)
    marginals = mean_field(flat, smooth, PermutohedralLattice(features), settings)
    return marginals.T.reshape(classes, height, width).astype(np.float32)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return (powers / powers.sum(1, keepdims=True)).astype(np.float32)
