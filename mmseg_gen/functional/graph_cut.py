"""Exact minimum of a binary energy on an 8-neighbour grid, by max-flow (Boykov and Kolmogorov, PAMI 2004).

``E(M) = sum_p cost(p, M_p) + sum over neighbours with M_p != M_q of weight(p, q)``. Weights come as
``(4, H, W)``: entry ``[k, y, x]`` belongs to the edge from (y, x) to (y, x) + ``NEIGHBORS[k]``; entries whose
other end is outside are ignored.
"""

from __future__ import annotations

import numpy as np

from .attention import NEIGHBORS

_STRUCTURES = np.zeros((len(NEIGHBORS), 3, 3))
for _k, (_dy, _dx) in enumerate(NEIGHBORS):
    _STRUCTURES[_k, 1 + _dy, 1 + _dx] = 1


def edge_slices(shape: tuple[int, int], step: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the index of the first and of the second end of all edges in one direction.

    Args:
        shape: Height and width of the grid.
        step: One of ``NEIGHBORS``.
    """
    (height, width), (dy, dx) = shape, step
    left, right = max(0, -dx), max(0, width - max(0, dx))
    return (slice(0, max(0, height - dy)), slice(left, right)), (
        slice(dy, height),
        slice(left + dx, right + dx),
    )


def grid_cut(cost_bg: np.ndarray, cost_fg: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the mask of least energy, bool ``(H, W)``, and that energy.

    Args:
        cost_bg: Cost of calling each pixel background, ``(H, W)``, finite, of any sign.
        cost_fg: Cost of calling each pixel foreground, same shape.
        weights: Cost of separating neighbours, ``(4, H, W)``, finite and not negative.

    Raises:
        ValueError: A shape does not fit, a value is NaN or infinite, or a weight is negative. All are
            refused before the solver starts: a NaN edge would let it run forever, a negative one give a
            wrong answer in silence.
    """
    import maxflow

    _check_costs(cost_bg, cost_fg, weights)
    height, width = cost_fg.shape
    graph = maxflow.GraphFloat(height * width, 4 * height * width)
    nodes = graph.add_grid_nodes((height, width))
    for structure, weight in zip(_STRUCTURES, weights, strict=True):
        graph.add_grid_edges(nodes, weights=weight, structure=structure, symmetric=True)
    # A node on the sink's side pays its source capacity: the sink's side is the foreground.
    graph.add_grid_tedges(nodes, cost_fg, cost_bg)
    energy = graph.maxflow()
    return graph.get_grid_segments(nodes), float(energy)


def _check_costs(cost_bg: np.ndarray, cost_fg: np.ndarray, weights: np.ndarray) -> None:
    if cost_fg.ndim != 2 or not cost_fg.size:
        raise ValueError(f'Expected `cost_fg` of shape (H, W), but got {cost_fg.shape}.')
    for name, array in (('cost_bg', cost_bg), ('cost_fg', cost_fg), ('weights', weights)):
        expected = cost_fg.shape if name != 'weights' else (len(NEIGHBORS), *cost_fg.shape)
        if array.shape != expected:
            raise ValueError(f'Expected `{name}` of shape {expected}, but got {array.shape}.')
        if not np.isfinite(array).all():
            raise ValueError(f'Expected `{name}` to be finite, but got NaN or infinite values.')
    if weights.min() < 0:
        raise ValueError(f'Expected `weights` to be 0 or more, but got {weights.min()}.')
