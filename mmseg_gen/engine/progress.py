"""Which of the processes of a run this one is, and how it tells of its progress."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.logging import MMLogger
from tqdm import tqdm

from mmseg_gen.engine.planning import Sample
from mmseg_gen.engine.presence import Timing

_SECONDS_BETWEEN_LINES = 30.0


@dataclass(frozen=True)
class Worker:
    """One of the processes that a launcher started; those started by hand are all number 0 of 1.

    Attributes:
        rank: Its number; number 0 shows the progress.
        world_size: How many there are.
        local_rank: Its number on its machine, which chooses its GPU.
        timing: How they watch each other.

    Raises:
        ValueError: ``rank`` is not in [0, ``world_size``).
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    timing: Timing = field(default_factory=Timing)

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.world_size:
            raise ValueError(f'Expected `rank` in [0, {self.world_size}), but got {self.rank}.')


class Progress:
    """The bar, and the line that says when the first picture is there."""

    def __init__(
        self,
        samples: Sequence[Sample],
        done: set[int],
        logger: logging.Logger,
        started: float,
        quiet: bool,
    ) -> None:
        self._done = sum(sample.index in done for sample in samples)
        every = 0.1 if sys.stderr.isatty() else _SECONDS_BETWEEN_LINES
        self.bar = tqdm(
            total=len(samples),
            initial=self._done,
            unit='sample',
            mininterval=every,
            maxinterval=every,
            disable=quiet,
        )
        self._logger, self._started, self._first = logger, started, True

    def show(self, made: int) -> None:
        """Show that this many samples were made, by whomever."""
        self.bar.update(max(0, self._done + made - self.bar.n))

    def announce(self, path: Path) -> None:
        """Say once how long it took until a picture, this one, was on disk."""
        if self._first:
            self._first = False
            self._logger.info('First picture after %.1f s: %s', time.monotonic() - self._started, path)


def run_logger(root: Path, worker: Worker) -> logging.Logger:
    """Return a logger that also writes beside the data set, which holds nothing but data."""
    name = f'synthesis {root.resolve()} {worker.rank} of {worker.world_size}'
    if MMLogger.check_instance_created(name):
        return MMLogger.get_instance(name)
    suffix = '' if worker.world_size == 1 else f'.{worker.rank}'
    return MMLogger.get_instance(
        name,
        logger_name='mmseg_gen',
        log_file=str(root.parent / f'{root.name}{suffix}.log'),
        log_level='INFO' if worker.rank == 0 else 'WARNING',
        file_mode='a',
    )
