"""Reading the next files while the last ones are scored."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar('Item')
Result = TypeVar('Result')


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
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(1, 'read-ahead')
    try:
        for item in items:
            waiting.append(pool.submit(read, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # Also where the caller stops early, or one could not be read.
        pool.shutdown(cancel_futures=True)
