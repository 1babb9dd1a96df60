import itertools

import numpy as np
import pytest
from scipy.linalg import eigh

from mmseg_gen.functional.attention import NEIGHBORS
from mmseg_gen.functional.normalized_cut import grid_adjacency, normalized_cut, second_eigenvector


def two_halves(shape=(9, 13), column=5, weak=0.01, seed=0):
    """Strong edges inside each half, weak ones across the column."""
    weights = np.random.default_rng(seed).uniform(0.8, 1.0, (4, *shape))
    x = np.arange(shape[1])
    for k, (_, dx) in enumerate(NEIGHBORS):
        weights[k][:, (x < column) != (x + dx < column)] = weak
    return weights


def test_adjacency_equals_a_loop():
    weights = np.random.default_rng(0).random((4, 3, 5))
    expected = np.zeros((15, 15))
    for k, (dy, dx) in enumerate(NEIGHBORS):
        for y, x in itertools.product(range(3), range(5)):
            if 0 <= y + dy < 3 and 0 <= x + dx < 5:
                p, q = y * 5 + x, (y + dy) * 5 + x + dx
                expected[p, q] = expected[q, p] = weights[k, y, x] + 1e-5
    np.testing.assert_allclose(grid_adjacency(weights).toarray(), expected)


@pytest.mark.parametrize('shape', [(4, 6), (9, 13), (16, 16)])
def test_eigenvector_equals_dense_eigh(shape):
    adjacency = grid_adjacency(np.random.default_rng(1).random((4, *shape)))
    dense, degree = adjacency.toarray(), np.diag(adjacency.toarray().sum(1))
    expected = eigh(degree - dense, degree, subset_by_index=[1, 1])[1][:, 0]
    expected = expected * np.sign(expected[0])
    np.testing.assert_allclose(second_eigenvector(adjacency), expected, atol=1e-6)


def test_weakly_joined_halves_are_parted():
    part = normalized_cut(two_halves())
    left = np.arange(13) < 5
    assert (part == left).all() or (part == ~left).all()


def test_the_cut_is_repeatable():
    weights = np.random.default_rng(2).random((4, 12, 12))
    assert (normalized_cut(weights) == normalized_cut(weights)).all()


def test_one_pixel_is_one_part_and_two_are_two():
    assert not normalized_cut(np.zeros((4, 1, 1))).any()
    assert normalized_cut(np.zeros((4, 1, 2))).sum() == 1


@pytest.mark.parametrize('value', [np.nan, np.inf, -1.0])
def test_bad_weights_are_refused(value):
    weights = two_halves()
    weights[1, 2, 3] = value
    with pytest.raises(ValueError, match='`weights`'):
        normalized_cut(weights)


def test_a_node_without_edges_is_refused():
    with pytest.raises(ValueError, match='each with an edge'):
        second_eigenvector(grid_adjacency(np.zeros((4, 2, 2)), floor=0.0))
