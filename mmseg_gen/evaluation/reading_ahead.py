"""Reading the next files while the last ones are scored."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

Item = TypeVar('Item')
Result = TypeVar('Result')
_Group = tuple[list[Any], BaseException | None]


def read_ahead(items: Iterable[Item], read: Callable[[Item], Result], ahead: int = 8) -> Iterator[Result]:
    """Yield ``read(item)`` of each item in order; the next ones are read in a thread beside the caller.

    One thread: files are opened one after the other, in order. Decoders work without Python's lock, so that a second
    core scores meanwhile. What ``read`` raises is raised here, in its turn.

    Args:
        items: What to read.
        read: Reads one.
        ahead: Largest number of results that wait, at least 1.

    Raises:
        ValueError: ``ahead`` is below 1.

    Example:
        >>> list(read_ahead([3, 1, 2], str))
        ['3', '1', '2']
    """
    if ahead < 1:
        raise ValueError(f'Expected `ahead` to be 1 or more, but got {ahead}.')
    return _results(items, read, ahead)


def _results(items: Iterable[Item], read: Callable[[Item], Result], ahead: int) -> Iterator[Result]:
    # Handing over wakes a thread, which takes some hundredths of a millisecond: several results go at once.
    size = max(1, ahead // 2)
    left = iter(items)
    waiting: deque[Future[_Group]] = deque()
    pool = ThreadPoolExecutor(1, 'read-ahead')
    try:
        while group := list(islice(left, size)):
            waiting.append(pool.submit(_read_group, group, read))
            if (len(waiting) + 1) * size - 1 > ahead:
                yield from _unpacked(waiting.popleft().result())
        while waiting:
            yield from _unpacked(waiting.popleft().result())
    finally:
        # Also where the caller stops early, or one could not be read.
        pool.shutdown(cancel_futures=True)


def _read_group(group: Sequence[Item], read: Callable[[Item], Result]) -> _Group:
    """Return the results up to the first error, and that error."""
    results: list[Result] = []
    for item in group:
        try:
            results.append(read(item))
        except BaseException as error:
            # Raised again where the results are taken.
            return results, error
    return results, None


def _unpacked(group: _Group) -> Iterator[Any]:
    results, error = group
    yield from results
    if error is not None:
        raise error
