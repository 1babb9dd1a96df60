"""Settings chosen one at a time: the search behind ``tools/tune_cut.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class Step(NamedTuple):
    """One coordinate's turn: its name, the score of each value tried, and the settings that go on."""

    name: str
    scores: dict[Any, float]
    best: dict[str, Any]


def coordinate_search(
    start: Mapping[str, Any],
    grid: Mapping[str, Sequence[Any]],
    score: Callable[[dict[str, Any]], float],
    rounds: int = 2,
) -> Iterator[Step]:
    """Yield one step per coordinate and round, each going on from the best value of the one before.

    The present value is always tried too, and stays unless another one scores higher: the score never falls. A later
    round in which nothing changes is the last.

    Args:
        start: Settings to begin with; those without a grid stay.
        grid: Name to the values to try.
        score: What to make large.
        rounds: Times that each name has its turn, at most.

    Example:
        >>> steps = list(coordinate_search({'x': 0, 'y': 5}, {'x': [1, 2, 3]}, lambda s: -((s['x'] - 2) ** 2)))
        >>> steps[-1].best
        {'x': 2, 'y': 5}
    """
    best = dict(start)
    for _ in range(rounds):
        before = dict(best)
        for name, values in grid.items():
            present = best.get(name)
            tried = list(dict.fromkeys([*([present] if name in best else []), *values]))
            scores = {value: score({**best, name: value}) for value in tried}
            best = {**best, name: max(scores, key=scores.__getitem__)}
            yield Step(name, scores, dict(best))
        if best == before:
            return
