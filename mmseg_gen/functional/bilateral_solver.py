"""The fast bilateral solver: a target smoothed where the image is smooth (Barron and Poole, ECCV 2016).

Minimises ``lam / 2 * sum W_ij (x_i - x_j)^2 + sum c_i (x_i - t_i)^2`` (Eq. 1) over images x that are constant within a
cell of the bilateral grid; W is the bistochastic bilateral affinity. With S the sum over a cell's pixels and B the blur
of the grid, W becomes ``D_n B D_n`` and the answer ``x = S^T y`` of ``(lam (D_m - D_n B D_n) + diag(S c)) y = S(c t)``
(Eq. 6-8). Shape letters: N = H * W pixels, V occupied cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.sparse import csr_matrix, diags_array
from scipy.sparse.linalg import cg

from .canvas import check_image

_DIMENSIONS = 5
_BALANCING_STEPS = 10


@dataclass(frozen=True)
class BilateralSettings:
    """Settings of the solver; the defaults are TokenCut's, for images of some 500 pixels.

    Attributes:
        sigma_spatial: Side of a cell in pixels.
        sigma_luma: Height of a cell in brightness, [0, 255].
        sigma_chroma: Width of a cell in each of two chroma channels, [0, 255].
        lam: Weight of the smoothness, for confidences in [0, 1].
        min_diagonal: The preconditioner's smallest entry.
        iterations: Conjugate-gradient steps at most.
        tolerance: Relative residual at which they end.

    Raises:
        ValueError: A value is out of range.
    """

    sigma_spatial: float = 16.0
    sigma_luma: float = 16.0
    sigma_chroma: float = 8.0
    lam: float = 256.0
    min_diagonal: float = 1e-5
    iterations: int = 25
    tolerance: float = 1e-5

    def __post_init__(self) -> None:
        for name in ('sigma_spatial', 'sigma_luma', 'sigma_chroma', 'min_diagonal', 'tolerance'):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f'Expected `{name}` to be positive and finite, but got {getattr(self, name)}.')
        if not 0 <= self.lam < np.inf:
            raise ValueError(f'Expected `lam` to be 0 or more and finite, but got {self.lam}.')
        if self.iterations < 1:
            raise ValueError(f'Expected `iterations` to be 1 or more, but got {self.iterations}.')


def bilateral_solver(
    image: np.ndarray, target: np.ndarray, confidence: np.ndarray, settings: BilateralSettings | None = None
) -> np.ndarray:
    """Return the target, smoothed along the image's colours, float32 ``(H, W)`` in [0, 1].

    Args:
        image: RGB uint8 ``(H, W, 3)``.
        target: t in [0, 1], ``(H, W)``.
        confidence: c in [0, 1], ``(H, W)``: 0 where the target says nothing. Cells without any connection to a
            confident pixel get 0.
        settings: None for the defaults.

    Raises:
        TypeError: ``image`` is not uint8.
        ValueError: A shape does not fit, or a value is outside [0, 1].
    """
    settings = settings or BilateralSettings()
    check_image(image)
    for name, array in (('target', target), ('confidence', confidence)):
        if array.shape != image.shape[:2]:
            raise ValueError(f'Expected `{name}` of shape {image.shape[:2]}, but got {array.shape}.')
        if not ((array >= 0) & (array <= 1)).all():
            raise ValueError(f'Expected `{name}` in [0, 1], but got NaN or values outside.')
    cells = bilateral_cells(image, settings)
    splat, blur = _splat(cells), _blur(cells)
    weight: np.ndarray = confidence.astype(np.float64).ravel()
    value: np.ndarray = target.astype(np.float64).ravel()
    matrix = settings.lam * grid_laplacian(splat, blur) + diags_array(splat @ weight)
    right, known = splat @ (weight * value), splat @ weight
    start = np.where(known > 0, right / np.where(known > 0, known, 1), 0)
    inverse = diags_array(1 / np.maximum(matrix.diagonal(), settings.min_diagonal))
    solution, _ = cg(matrix, right, x0=start, rtol=settings.tolerance, maxiter=settings.iterations, M=inverse)
    return np.clip(splat.T @ solution, 0, 1).astype(np.float32).reshape(target.shape)


def bilateral_cells(image: np.ndarray, settings: BilateralSettings) -> np.ndarray:
    """Return each pixel's cell of the bilateral grid: row, column, brightness, two chromas, int64 ``(N, 5)``.

    Args:
        image: RGB uint8 ``(H, W, 3)``.
        settings: Its three sigmas.
    """
    height, width = image.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    color = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2YCrCb).astype(np.float64) * 255
    scale = [settings.sigma_spatial] * 2 + [settings.sigma_luma] + [settings.sigma_chroma] * 2
    places = np.concatenate([rows[..., None], columns[..., None], color], -1) / scale
    return np.floor(places).astype(np.int64).reshape(-1, _DIMENSIONS)


def grid_laplacian(splat: csr_matrix, blur: csr_matrix) -> csr_matrix:
    """Return ``D_m - D_n B D_n``, sparse ``(V, V)``: its rows sum to 0, its quadratic form is the smoothness.

    n is found by Sinkhorn's iteration towards ``n * (B n) = m`` with m the pixels per cell (Algorithm 1 of the
    paper); m is then taken from the n that was reached, so that constants cost nothing.

    Args:
        splat: Sums pixels into cells, ``(V, N)``.
        blur: B, symmetric, ``(V, V)``.
    """
    pixels = splat @ np.ones(splat.shape[1])
    n = np.ones(len(pixels))
    for _ in range(_BALANCING_STEPS):
        n = np.sqrt(n * pixels / (blur @ n))
    scale = diags_array(n)
    return csr_matrix(diags_array(n * (blur @ n)) - scale @ blur @ scale)


def _splat(cells: np.ndarray) -> csr_matrix:
    _, index = np.unique(cells, axis=0, return_inverse=True)
    index = index.ravel()
    return csr_matrix((np.ones(len(index)), (index, np.arange(len(index)))))


def _blur(cells: np.ndarray) -> csr_matrix:
    """Return the sum over the five axes of the filter (1, 2, 1) between occupied cells, ``(V, V)``."""
    occupied = np.unique(cells, axis=0)
    low = occupied.min(0)
    # Room of one on each side, so that a step over the end meets no other row's cell.
    sides = occupied.max(0) - low + 3
    strides = np.concatenate([np.cumprod(sides[:0:-1])[::-1], [1]])
    keys = (occupied - low + 1) @ strides
    count = len(keys)
    blur = csr_matrix(diags_array(np.full(count, 2.0 * _DIMENSIONS)))
    for stride in strides:
        place = np.minimum(np.searchsorted(keys, keys + stride), count - 1)
        here = np.flatnonzero(keys[place] == keys + stride)
        step = csr_matrix((np.ones(len(here)), (here, place[here])), shape=(count, count))
        blur = blur + step + step.T
    return csr_matrix(blur)
