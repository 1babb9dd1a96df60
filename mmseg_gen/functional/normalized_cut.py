"""Normalised cut of a pixel grid in two (Shi and Malik, PAMI 2000)."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import csr_matrix, diags_array
from scipy.sparse.linalg import eigsh

from .attention import NEIGHBORS
from .graph_cut import edge_slices

_DENSE_LIMIT = 64


def grid_adjacency(weights: np.ndarray, floor: float = 1e-5) -> csr_matrix:
    """Return the symmetric adjacency of an 8-neighbour grid, sparse ``(HW, HW)``.

    Args:
        weights: Similarity of neighbours by direction of ``NEIGHBORS``, ``(4, H, W)``, finite and not
            negative.
        floor: Added to each edge so that the graph is connected (1e-5: TokenCut).

    Raises:
        ValueError: A weight is NaN, infinite or negative.
    """
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError('Expected `weights` to be finite and 0 or more, but got NaN, infinite or negative values.')
    shape = weights.shape[1:]
    pixel = np.arange(np.prod(shape)).reshape(shape)
    ends = [[pixel[part].ravel() for part in edge_slices(shape, step)] for step in NEIGHBORS]
    here, there = (np.concatenate([e[i] for e in ends]) for i in (0, 1))
    value = (
        np.concatenate([w[edge_slices(shape, s)[0]].ravel() for s, w in zip(NEIGHBORS, weights, strict=True)]) + floor
    )
    entries = (
        np.concatenate([value, value]).astype(np.float64),
        (np.concatenate([here, there]), np.concatenate([there, here])),
    )
    return csr_matrix(entries, shape=(pixel.size, pixel.size))


def second_eigenvector(adjacency: csr_matrix) -> np.ndarray:
    """Return the second smallest eigenvector of ``(D - A) y = lambda D y``, ``(n,)``, first entry >= 0.

    Deterministic: Lanczos starts at a fixed vector, and graphs of up to 64 nodes are solved densely.

    Args:
        adjacency: Symmetric, not negative, connected, sparse ``(n, n)`` with n >= 2.

    Raises:
        ValueError: n < 2, or a node has no edge.
    """
    count = adjacency.shape[0]
    degree = np.asarray(adjacency.sum(1)).ravel()
    if count < 2 or (degree <= 0).any():
        raise ValueError(f'Expected a graph of 2 nodes or more, each with an edge, but got {count} nodes.')
    scale = 1 / np.sqrt(degree)
    normed = diags_array(scale) @ adjacency @ diags_array(scale)
    if count <= _DENSE_LIMIT:
        vector = eigh(normed.toarray(), subset_by_index=[count - 2, count - 2])[1][:, 0]
    else:
        start = np.random.default_rng(0).standard_normal(count)
        values, vectors = eigsh(normed, k=2, which='LA', v0=start, ncv=min(count, 64), maxiter=100 * count)
        vector = vectors[:, values.argmin()]
    vector = vector * scale
    return vector if vector[0] >= 0 else -vector


def normalized_cut(weights: np.ndarray) -> np.ndarray:
    """Return one of a grid's two parts: where the second eigenvector exceeds its mean, bool ``(H, W)``.

    A grid of a single pixel is one part. The mean as threshold is TokenCut's.

    Args:
        weights: As in :func:`grid_adjacency`.
    """
    shape = weights.shape[1:]
    if shape[0] * shape[1] < 2:
        return np.zeros(shape, bool)
    vector = second_eigenvector(grid_adjacency(weights))
    return (vector > vector.mean()).reshape(shape)
