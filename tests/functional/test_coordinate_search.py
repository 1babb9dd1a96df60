import itertools

from mmseg_gen.functional.coordinate_search import coordinate_search


def test_a_separable_score_is_maximised_as_by_trying_everything():
    grid = {'a': [0, 1, 2, 3], 'b': [10, 20, 30], 'c': ['x', 'y']}

    def score(s):
        return -((s['a'] - 2) ** 2) - abs(s['b'] - 20) + (s['c'] == 'y')

    best = max(itertools.product(*grid.values()), key=lambda v: score(dict(zip(grid, v, strict=True))))
    last = list(coordinate_search({'a': 0, 'b': 10, 'c': 'x', 'fixed': 1}, grid, score))[-1]
    assert last.best == {**dict(zip(grid, best, strict=True)), 'fixed': 1}


def test_the_score_never_falls_and_ties_keep_what_is_there():
    steps = list(coordinate_search({'a': 7, 'b': 1}, {'a': [1, 2], 'b': [1, 5]}, lambda s: s['b'], rounds=3))
    assert steps[0].best['a'] == 7
    assert [max(step.scores.values()) for step in steps] == [1, 5, 5, 5]
    assert len(steps) == 4


def test_a_setting_without_a_present_value_is_chosen_from_its_grid():
    (step,) = coordinate_search({}, {'a': [3, 4]}, lambda s: s['a'], rounds=1)
    assert step.scores == {3: 3, 4: 4}
    assert step.best == {'a': 4}
