import itertools

import numpy as np
import pytest

from mmseg_gen.functional.attention import NEIGHBORS
from mmseg_gen.functional.graph_cut import grid_cut

SHAPE = (3, 4)
LABELLINGS = np.array(list(itertools.product([False, True], repeat=12))).reshape(-1, *SHAPE)


def instance(seed, shape=SHAPE, signed=False):
    rng = np.random.default_rng(seed)
    costs = [rng.normal(size=shape) if signed else rng.random(shape) for _ in range(2)]
    return *costs, rng.random((4, *shape)) * rng.choice([0.05, 0.3, 1.0])


def loop_energy(mask, cost_bg, cost_fg, weights):
    total = 0.0
    for y, x in np.ndindex(mask.shape):
        total += cost_fg[y, x] if mask[y, x] else cost_bg[y, x]
        for k, (dy, dx) in enumerate(NEIGHBORS):
            v, u = y + dy, x + dx
            if 0 <= v < mask.shape[0] and 0 <= u < mask.shape[1] and mask[y, x] != mask[v, u]:
                total += weights[k, y, x]
    return total


def all_energies(cost_bg, cost_fg, weights):
    total = np.where(LABELLINGS, cost_fg, cost_bg).sum((1, 2))
    for k, (dy, dx) in enumerate(NEIGHBORS):
        for y, x in np.ndindex(SHAPE):
            if 0 <= y + dy < SHAPE[0] and 0 <= x + dx < SHAPE[1]:
                total = total + weights[k, y, x] * (LABELLINGS[:, y, x] != LABELLINGS[:, y + dy, x + dx])
    return total


@pytest.mark.parametrize('signed', [False, True])
def test_cut_reaches_the_minimum_over_all_labellings(signed):
    for seed in range(60):
        terms = instance(seed, signed=signed)
        mask, energy = grid_cut(*terms)
        energies = all_energies(*terms)
        assert energy == pytest.approx(energies.min(), abs=1e-9)
        assert (mask == LABELLINGS[energies.argmin()]).all()
        assert loop_energy(mask, *terms) == pytest.approx(energy, abs=1e-9)


@pytest.mark.parametrize('shape', [(3, 4), (5, 2), (1, 6), (6, 1)])
def test_the_energy_is_that_of_the_mask(shape):
    terms = instance(1, shape)
    mask, energy = grid_cut(*terms)
    assert energy == pytest.approx(loop_energy(mask, *terms))


def test_without_weights_each_pixel_takes_its_cheaper_label():
    cost_bg, cost_fg, weights = instance(3, (7, 5))
    assert (grid_cut(cost_bg, cost_fg, 0 * weights)[0] == (cost_fg < cost_bg)).all()


def test_swapping_the_costs_flips_the_mask():
    cost_bg, cost_fg, weights = instance(4)
    assert (grid_cut(cost_fg, cost_bg, weights)[0] == ~grid_cut(cost_bg, cost_fg, weights)[0]).all()


def test_a_constant_on_both_costs_only_moves_the_energy():
    cost_bg, cost_fg, weights = instance(5)
    mask, energy = grid_cut(cost_bg, cost_fg, weights)
    moved, more = grid_cut(cost_bg + 2, cost_fg + 2, weights)
    assert (mask == moved).all()
    assert more == pytest.approx(energy + 2 * mask.size)


def test_entries_outside_the_grid_do_not_count():
    cost_bg, cost_fg, weights = instance(6)
    mask, energy = grid_cut(cost_bg, cost_fg, weights)
    weights[0, :, -1] = weights[1, -1] = weights[3, :, 0] = 100
    again, same = grid_cut(cost_bg, cost_fg, weights)
    assert (mask == again).all()
    assert same == pytest.approx(energy)


@pytest.mark.parametrize('shape', [(1, 1), (1, 5), (5, 1)])
def test_thin_grids(shape):
    terms = instance(7, shape)
    mask, energy = grid_cut(*terms)
    assert mask.shape == shape
    assert energy == pytest.approx(loop_energy(mask, *terms))


def test_inputs_stay_as_they_were():
    terms = instance(8)
    before = [t.copy() for t in terms]
    grid_cut(*terms)
    assert all((a == b).all() for a, b in zip(terms, before, strict=True))


@pytest.mark.parametrize('name', ['cost_bg', 'cost_fg', 'weights'])
@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_values_that_would_hang_the_solver_are_refused(name, value):
    terms = dict(zip(('cost_bg', 'cost_fg', 'weights'), instance(9), strict=True))
    terms[name][..., 1, 1] = value
    with pytest.raises(ValueError, match=f'`{name}` to be finite'):
        grid_cut(**terms)


def test_negative_weights_are_refused():
    cost_bg, cost_fg, weights = instance(10)
    weights[2, 0, 0] = -1e-3
    with pytest.raises(ValueError, match='`weights` to be 0 or more'):
        grid_cut(cost_bg, cost_fg, weights)


def test_misfit_shapes_are_refused():
    cost_bg, cost_fg, weights = instance(11)
    with pytest.raises(ValueError, match='`weights` of shape'):
        grid_cut(cost_bg, cost_fg, weights[:3])
    with pytest.raises(ValueError, match='`cost_bg` of shape'):
        grid_cut(cost_bg[:2], cost_fg, weights)
    for shape in ((0, 5), (2, 2, 3)):
        with pytest.raises(ValueError, match='`cost_fg` of shape'):
            grid_cut(np.zeros(shape), np.zeros(shape), np.zeros((4, *shape)))
