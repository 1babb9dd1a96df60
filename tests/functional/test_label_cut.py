"""Expansion moves against every labelling of small grids."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mmseg_gen.functional.attention import NEIGHBORS
from mmseg_gen.functional.label_cut import expand_label, label_cut, label_energy


def energy_by_loops(labels, costs, weights):
    height, width = labels.shape
    total = 0.0
    for y, x in itertools.product(range(height), range(width)):
        total += costs[labels[y, x], y, x]
        for k, (dy, dx) in enumerate(NEIGHBORS):
            if 0 <= y + dy < height and 0 <= x + dx < width and labels[y, x] != labels[y + dy, x + dx]:
                total += weights[k, y, x]
    return total


def all_labellings(count, shape):
    for values in itertools.product(range(count), repeat=shape[0] * shape[1]):
        yield np.array(values).reshape(shape)


def instance(seed, count=3, shape=(2, 3), strength=1.0):
    rng = np.random.default_rng(seed)
    return rng.random((count, *shape)) * 2, rng.random((len(NEIGHBORS), *shape)) * strength


@pytest.mark.parametrize('shape', [(1, 4), (3, 2), (2, 3)])
def test_the_energy_is_that_of_loops(shape):
    costs, weights = instance(0, shape=shape)
    for labels in itertools.islice(all_labellings(3, shape), 0, None, 7):
        assert label_energy(labels, costs, weights) == pytest.approx(energy_by_loops(labels, costs, weights))


@pytest.mark.parametrize('seed', range(6))
def test_a_move_is_the_best_of_all_that_keep_or_take(seed):
    costs, weights = instance(seed, strength=0.7)
    rng = np.random.default_rng(100 + seed)
    labels = rng.integers(0, 3, (2, 3))
    for label in range(3):
        moves = [np.where(np.reshape(take, (2, 3)), label, labels) for take in itertools.product((0, 1), repeat=6)]
        least = min(energy_by_loops(move, costs, weights) for move in moves)
        moved = expand_label(labels, label, costs, weights)
        assert ((moved == labels) | (moved == label)).all()
        assert energy_by_loops(moved, costs, weights) == pytest.approx(least)


@pytest.mark.parametrize('seed', range(12))
def test_no_move_improves_the_result_and_it_is_within_twice_the_least(seed):
    costs, weights = instance(seed, strength=(0.3, 1.0, 3.0)[seed % 3])
    labels, energy = label_cut(costs, weights)
    assert energy == pytest.approx(energy_by_loops(labels, costs, weights))
    least = min(energy_by_loops(other, costs, weights) for other in all_labellings(3, (2, 3)))
    assert least - 1e-9 <= energy <= 2 * least
    for label in range(3):
        for take in itertools.product((0, 1), repeat=6):
            move = np.where(np.reshape(take, (2, 3)), label, labels)
            assert energy_by_loops(move, costs, weights) >= energy - 1e-6


@pytest.mark.parametrize('seed', range(8))
def test_two_labels_are_exact(seed):
    costs, weights = instance(seed, count=2, shape=(3, 3), strength=1.5)
    _, energy = label_cut(costs, weights)
    assert energy == pytest.approx(min(energy_by_loops(x, costs, weights) for x in all_labellings(2, (3, 3))))


def test_without_weights_each_pixel_takes_its_cheapest_label():
    costs, weights = instance(1, count=4, shape=(5, 7))
    assert np.array_equal(label_cut(costs, weights * 0)[0], costs.argmin(0))


def test_a_constant_per_pixel_changes_nothing():
    costs, weights = instance(2, shape=(4, 5))
    shift = np.random.default_rng(5).normal(size=(4, 5)) * 10
    assert np.array_equal(label_cut(costs, weights)[0], label_cut(costs + shift, weights)[0])


def test_inputs_stay_as_they_were():
    costs, weights = instance(3)
    start = np.zeros((2, 3), np.int64)
    copies = costs.copy(), weights.copy()
    label_cut(costs, weights, start)
    assert np.array_equal(costs, copies[0])
    assert np.array_equal(weights, copies[1])
    assert not start.any()


@pytest.mark.parametrize(
    ('costs', 'weights', 'message'),
    [
        (np.zeros((2, 3)), np.zeros((4, 2, 3)), r'`costs` of shape \(K, H, W\)'),
        (np.zeros((2, 2, 3)), np.zeros((4, 3, 2)), r'`weights` of shape \(4, 2, 3\), but got \(4, 3, 2\)'),
        (np.full((2, 2, 3), np.nan), np.zeros((4, 2, 3)), '`costs` to be finite'),
        (np.zeros((2, 2, 3)), np.full((4, 2, 3), -1.0), '`weights` to be 0 or more, but got -1'),
    ],
)
def test_wrong_arrays_are_named(costs, weights, message):
    with pytest.raises(ValueError, match=message):
        label_cut(costs, weights)


@pytest.mark.parametrize('labels', [np.full((2, 3), 3), np.full((2, 3), -1), np.zeros((3, 2), int)])
def test_a_start_that_is_no_labelling_is_refused(labels):
    with pytest.raises(ValueError, match=r'`labels` of shape \(2, 3\) in \[0, 3\)'):
        label_cut(*instance(0), labels)
