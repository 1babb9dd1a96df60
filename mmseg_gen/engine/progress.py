"""Which part of a run a process does, and how it tells of its progress."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.logging import MMLogger
from tqdm import tqdm

from mmseg_gen.engine.planning import Sample

_SECONDS_BETWEEN_LINES = 30.0


@dataclass(frozen=True)
class Worker:
    """Which part of a run this process does: ``rank`` of ``world_size``, ``local_rank`` on its machine."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0


class Progress:
    """The bar, and the line that says when the first picture is there."""

    def __init__(
        self,
        batches: Sequence[Sequence[Sample]],
        done: set[int],
        logger: logging.Logger,
        started: float,
        quiet: bool,
    ) -> None:
        indices = [sample.index for batch in batches for sample in batch]
        finished = sum(index in done for index in indices)
        every = 0.1 if sys.stderr.isatty() else _SECONDS_BETWEEN_LINES
        self.bar = tqdm(
            total=len(indices),
            initial=finished,
            unit='sample',
            mininterval=every,
            maxinterval=every,
            disable=quiet,
        )
        self._logger, self._started, self._first = logger, started, True

    def announce(self, path: Path) -> None:
        """Say once how long it took until a picture, this one, was on disk."""
        if self._first:
            self._first = False
            self._logger.info('First picture after %.1f s: %s', time.monotonic() - self._started, path)


def run_logger(root: Path, worker: Worker) -> logging.Logger:
    """Return a logger that also writes beside the data set, which holds nothing but data."""
    name = f'synthesis {root.resolve()} {worker}'
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
