"""Labelling of a grid with several classes by expansion moves (Boykov, Veksler and Zabih, PAMI 2001).

``E(l) = sum_p cost(l_p, p) + sum over neighbours with l_p != l_q of weight(p, q)``, a Potts model on the 8-neighbour
grid of `graph_cut`. With two labels one cut is exact; with more the minimum is NP-hard. Each expansion move is an
exact cut, the energy never rises, and where no move helps any more it is at most twice the least (the paper's
Theorem 6.1, for costs that are not negative). Shape letters: K labels, ``(H, W)`` the grid.
"""

from __future__ import annotations

import numpy as np

from .attention import NEIGHBORS
from .graph_cut import edge_slices

# A move has to save more than what rounding can feign.
_LEAST_GAIN = 1e-9


def label_energy(labels: np.ndarray, costs: np.ndarray, weights: np.ndarray) -> float:
    """Return the energy of a labelling.

    Args:
        labels: Integers in [0, K), ``(H, W)``.
        costs: Cost of each label at each pixel, ``(K, H, W)``.
        weights: Cost of separating neighbours, ``(4, H, W)`` as in :func:`~mmseg_gen.functional.graph_cut.grid_cut`.

    Example:
        >>> label_energy(np.array([[0, 2]]), np.zeros((3, 1, 2)), np.full((4, 1, 2), 0.5))
        0.5
    """
    energy = np.take_along_axis(costs, labels[None], 0).sum(dtype=np.float64)
    for step, weight in zip(NEIGHBORS, weights, strict=True):
        here, there = edge_slices(labels.shape, step)
        energy += weight[here][labels[here] != labels[there]].sum(dtype=np.float64)
    return float(energy)


def expand_label(labels: np.ndarray, label: int, costs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the best labelling in which every pixel keeps its label or takes ``label``, ``(H, W)``.

    Arguments as in :func:`label_energy`; exact, by one cut.
    """
    import maxflow

    keep: np.ndarray = np.take_along_axis(costs, labels[None], 0)[0].astype(np.float64)
    take: np.ndarray = costs[label].astype(np.float64)
    # A node on the sink's side takes the label and pays its source capacity.
    gain = np.zeros_like(take)
    graph = maxflow.GraphFloat(labels.size, 4 * labels.size)
    nodes = graph.add_grid_nodes(labels.shape)
    for step, weight in zip(NEIGHBORS, weights, strict=True):
        here, there = edge_slices(labels.shape, step)
        edge = weight[here].astype(np.float64)
        # The four energies of a pair (Kolmogorov and Zabih, PAMI 2004, Table 1), both-take being free.
        both_keep = edge * (labels[here] != labels[there])
        second_takes, first_takes = edge * (labels[here] != label), edge * (labels[there] != label)
        gain[here] += first_takes - both_keep
        gain[there] -= first_takes
        capacity = np.zeros_like(take)
        # Not negative by the triangle inequality; rounding may say otherwise.
        capacity[here] = np.maximum(second_takes + first_takes - both_keep, 0)
        graph.add_grid_edges(nodes, weights=capacity, structure=_towards(step), symmetric=False)
    graph.add_grid_tedges(nodes, take + gain, keep)
    graph.maxflow()
    return np.where(graph.get_grid_segments(nodes), label, labels)


def label_cut(
    costs: np.ndarray, weights: np.ndarray, labels: np.ndarray | None = None, max_cycles: int = 10
) -> tuple[np.ndarray, float]:
    """Return a labelling that no expansion move improves, int64 ``(H, W)``, and its energy.

    Args:
        costs: Cost of each label at each pixel, ``(K, H, W)``, finite, of any sign.
        weights: Cost of separating neighbours, ``(4, H, W)``, finite and not negative.
        labels: Where to start, integers in [0, K), ``(H, W)``; None starts at the cheapest label of each pixel.
        max_cycles: Rounds over all labels at most.

    Raises:
        ValueError: A shape does not fit, a value is NaN or infinite, a weight is negative, or a label is out of range.
    """
    _check(costs, weights)
    labels = costs.argmin(0) if labels is None else np.asarray(labels, np.int64)
    if labels.shape != costs.shape[1:] or not 0 <= labels.min() <= labels.max() < len(costs):
        raise ValueError(
            f'Expected `labels` of shape {costs.shape[1:]} in [0, {len(costs)}), but got {labels.shape} from '
            f'{labels.min()} to {labels.max()}.'
        )
    energy = label_energy(labels, costs, weights)
    unimproved, count = 0, len(costs)
    for step in range(max_cycles * count):
        moved = expand_label(labels, step % count, costs, weights)
        again = label_energy(moved, costs, weights)
        better = again < energy - _LEAST_GAIN * max(1.0, abs(energy))
        if better:
            labels, energy = moved, again
        unimproved = 0 if better else unimproved + 1
        if unimproved == count:
            break
    return labels, energy


def _towards(step: tuple[int, int]) -> np.ndarray:
    structure = np.zeros((3, 3))
    structure[1 + step[0], 1 + step[1]] = 1
    return structure


def _check(costs: np.ndarray, weights: np.ndarray) -> None:
    if costs.ndim != 3 or 0 in costs.shape:
        raise ValueError(f'Expected `costs` of shape (K, H, W), but got {costs.shape}.')
    expected = (len(NEIGHBORS), *costs.shape[1:])
    if weights.shape != expected:
        raise ValueError(f'Expected `weights` of shape {expected}, but got {weights.shape}.')
    for name, array in (('costs', costs), ('weights', weights)):
        if not np.isfinite(array).all():
            raise ValueError(f'Expected `{name}` to be finite, but got NaN or infinite values.')
    if weights.min() < 0:
        raise ValueError(f'Expected `weights` to be 0 or more, but got {weights.min()}.')
