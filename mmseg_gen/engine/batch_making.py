"""What one process does of a data set: claim a batch, generate, label and write it, leave its manifest lines."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmseg_gen.engine.crew import Crew
from mmseg_gen.engine.leases import Lease, LeaseLost
from mmseg_gen.engine.manifest import MANIFEST_NAME, manifest_bytes
from mmseg_gen.engine.pairs import PairGenerator, generate_pairs
from mmseg_gen.engine.planning import Sample
from mmseg_gen.engine.progress import Progress
from mmseg_gen.engine.sample_writer import FAILED, GIVEN_UP, PendingSample, SampleWriter
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import is_intact, part_paths, read_manifest, read_shard
from mmseg_gen.functional.shared_files import stat


class FinishedSamples:
    """Which samples of a folder are there in full or failed for good, as of the last merge of its manifest.

    Args:
        root: Folder of the data set.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read()

    def missing(self, batch: Sequence[Sample]) -> set[int]:
        """Return the indices of the samples that are still to be made."""
        if _identity(self._root / MANIFEST_NAME) != self._merged:
            # Others came to their end since this process looked, and their leases are gone.
            self._read()
        return {sample.index for sample in batch} - self.indices

    def _read(self) -> None:
        self._merged = _identity(self._root / MANIFEST_NAME)
        # What was given up stays so for all who are at work; when they have come to their end, it is tried again.
        parts = {entry.index for path in part_paths(self._root) for entry in read_shard(path)}
        entries = [e for e in read_manifest(self._root) if e.reason != FAILED + GIVEN_UP or e.index in parts]
        self.indices = {entry.index for entry in entries if is_intact(self._root, entry)}


class BatchMaker:
    """Makes batches until none is left, for this process or for any other of its crew.

    Args:
        writer: Writes the samples.
        generator: Makes the pairs.
        crew: Who shares the work.
        finished: What was there before.
        attempts: Processes that may be lost to a batch, before it is given up.
        progress: Where it shows.
        logger: Where it says what happened.
    """

    def __init__(
        self,
        writer: SampleWriter,
        generator: PairGenerator,
        crew: Crew,
        finished: FinishedSamples,
        *,
        attempts: int,
        progress: Progress,
        logger: logging.Logger,
    ) -> None:
        self._writer, self._generator, self._crew, self._finished = writer, generator, crew, finished
        self._progress, self._logger, self._started = progress, logger, time.monotonic()
        self._attempts, self._untried = attempts, not finished.indices
        self.made = 0

    def make(self, batches: Mapping[str, Sequence[Sample]], again: Mapping[str, int]) -> int:
        """Return the number of samples that this process made, when all are made.

        Args:
            batches: Batches that are not complete, by unit of work.
            again: For those that count as made and are damaged, the generation of their lease.
        """
        sizes = {unit: len(self._finished.missing(batch)) for unit, batch in batches.items()}
        pending: list[tuple[Lease, list[PendingSample]]] = []
        with self._progress.bar:
            for lease in self._crew.hand_out(list(batches), again):
                if lease is not None:
                    pending += self._begin(lease, batches[lease.unit])
                # Where labels are made beside, those of a batch are on their way while the next is generated.
                while len(pending) > (lease is not None and self._writer.labelling.beside):
                    self._end(*pending.pop(0))
                self._progress.show(sum(sizes.get(unit, 0) for unit in self._crew.last_made))
            self._progress.show(sum(sizes.values()))
        return self.made

    def _begin(self, lease: Lease, batch: Sequence[Sample]) -> list[tuple[Lease, list[PendingSample]]]:
        missing = self._finished.missing(batch)
        with self._while_held(lease):
            if not missing:
                lease.finish()
                return []
            given_up = lease.losses >= self._attempts
            # In full, even where some are there: networks round differently in other batches.
            pairs = [GIVEN_UP] * len(batch) if given_up else generate_pairs(self._generator, batch)
            asked = [(sample, pair) for sample, pair in zip(batch, pairs, strict=True) if sample.index in missing]
            staged = [self._writer.stage(sample, pair, lease) for sample, pair in asked]
            for item in staged:
                if 'image' in item.files:
                    self._progress.announce(self._writer.root / item.files['image'][0])
            if self._untried and not given_up and not self._crew.made():
                _refuse_hopeless(staged)
            self._untried = False
            return [(lease, staged)]
        return []

    def _end(self, lease: Lease, staged: Sequence[PendingSample]) -> None:
        with self._while_held(lease):
            lease.finish(manifest_bytes([self._writer.finish(item) for item in staged]))
            self.made += len(staged)
            self._crew.tell(made=self.made, seconds=round(time.monotonic() - self._started, 1))

    @contextmanager
    def _while_held(self, lease: Lease) -> Iterator[None]:
        """Give up what another process has taken over; its files may be gone from under this one."""
        try:
            yield
        except (LeaseLost, OSError):
            if not lease.lost:
                raise
            self._logger.warning('Samples %s were made by another process, as this one was slow', lease.unit)


def unit_name(batch: Sequence[Sample]) -> str:
    """Return the name of a batch as a unit of work: its first and last index."""
    return f'{batch[0].index:06d}-{batch[-1].index:06d}'


def _refuse_hopeless(staged: Sequence[PendingSample]) -> None:
    """Stop a run whose very first samples all fail, before anything is recorded."""
    errors = [item.label.result().error for item in staged]
    if all(errors):
        raise UserError(f'Expected at least one of the first {len(errors)} samples to succeed, but got: {errors[0]}')


def _identity(path: Path) -> tuple[int, int, int] | None:
    """Return what tells a file from one that was renamed over it."""
    try:
        found = stat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
