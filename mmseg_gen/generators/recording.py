"""What attention and feature recorders share: entering, leaving, pausing, which half of a batch to read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor


class Recording(ABC):
    """A context manager that listens to a network and takes its hooks away, also after an exception.

    It may be entered again while it is open; the outermost exit removes the hooks. Results stay readable
    afterwards.

    Args:
        conditional_half: Read only the second half of each batch, the one under the prompt where the batch is
            doubled for guidance (``[unconditional, conditional]``).
    """

    def __init__(self, conditional_half: bool = False):
        self.conditional_half = conditional_half
        self.listening = True
        self._depth = 0

    def __enter__(self):
        if self._depth == 0:
            self._install()
        self._depth += 1
        return self

    def __exit__(self, *exception) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._remove()

    @abstractmethod
    def _install(self) -> None:
        """Put the hooks in place."""

    @abstractmethod
    def _remove(self) -> None:
        """Take the hooks away."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Record nothing inside the block; the hooks stay in place."""
        before, self.listening = self.listening, False
        try:
            yield
        finally:
            self.listening = before

    @contextmanager
    def reading(self, conditional_half: bool) -> Iterator[None]:
        """Record inside the block, from the second half of each batch or from all; the setting returns."""
        before, self.conditional_half = self.conditional_half, conditional_half
        try:
            with self:
                yield
        finally:
            self.conditional_half = before

    def skipped(self, batch: int) -> int:
        """Return how many leading samples of a batch are not read.

        Raises:
            ValueError: The batch should be doubled and is odd.
        """
        if not self.conditional_half:
            return 0
        if batch % 2:
            raise ValueError(f'Expected an even batch with `conditional_half`, but got {batch} samples.')
        return batch // 2


def network_order(name: str) -> tuple[int, str]:
    """Return a key that sorts a UNet's module names as data flows: down, middle, up.

    ``named_modules`` lists the middle block last. Sort with a stable sort on the first entry.
    """
    for rank, prefix in enumerate(('down_blocks', 'mid_block', 'up_blocks')):
        if name.startswith(prefix):
            return rank, prefix
    raise ValueError(f'Expected a module of down_blocks, mid_block or up_blocks, but got {name!r}.')


def add_to(total: Tensor | None, value: Tensor) -> Tensor:
    """Return the running sum, in place where there is one, in float32.

    Raises:
        ValueError: The shapes disagree: the batch changed without a reset.
    """
    if total is None:
        return value.detach().float().clone()
    if total.shape != value.shape:
        raise ValueError(
            f'Expected the same shape at every step, {tuple(total.shape)}, but got {tuple(value.shape)}; '
            'call reset() between batches.'
        )
    return total.add_(value.detach())
