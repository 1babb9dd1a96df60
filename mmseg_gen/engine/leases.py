"""Leases: which process makes which unit of work of a shared folder.

A unit's lease is a file that only one process can create. It is never changed or taken away while work goes on: who
takes over from a dead process creates the next *generation* of it, which again only one can. The highest generation
counts, for the lease as for the part of the manifest that its holder leaves. Who ends in order gives its lease back, so
that a unit of which lease after lease is lost can be told from one that nobody had the time to make.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from mmseg_gen.functional.manifest import PARTS_FOLDER, RUN_NAME, WORK_FOLDER, finished_names, part_paths
from mmseg_gen.functional.shared_files import exists, make_folder, remove
from mmseg_gen.functional.writing import create_file, partial_paths, write_bytes

_SUFFIX = '.jsonl'
_LEASES, _RETURNED = 'leases', 'returned'
LEASE_FOLDERS = (_LEASES, _RETURNED)


class LeaseLost(Exception):
    """Another process has taken over the unit, so nothing went wrong."""


@dataclass(frozen=True)
class Lease:
    """The right to make one unit.

    Attributes:
        unit: Name of the unit.
        generation: How many held it before.
        owner: Process that holds it; it marks the process's temporary files.
        work: Folder of leases and parts.
        losses: How many of those before neither made the unit nor gave it back: they died, or hang.
    """

    unit: str
    generation: int
    owner: str
    work: Path
    losses: int = 0

    @property
    def tag(self) -> str:
        """Prefix that keeps this process's temporary files apart from others'."""
        return f'{self.owner}-'

    @property
    def lost(self) -> bool:
        """Whether another process has taken over, or the work as a whole is done."""
        return not exists(self._path(0)) or exists(self._path(1))

    def check(self) -> None:
        """Check that nobody has taken over.

        Raises:
            LeaseLost: The lease is lost.
        """
        if self.lost:
            raise LeaseLost(self.unit)

    def finish(self, content: bytes = b'') -> None:
        """Leave the unit's part of the manifest; the unit is then made.

        Raises:
            LeaseLost: Another process has taken over.
        """
        self.check()
        path = self.work / PARTS_FOLDER / f'{self.unit}.{self.generation:04d}{_SUFFIX}'
        in_folder(path, lambda: write_bytes(path, content, self.tag))

    def give_back(self) -> None:
        """Note that the holder ends in order; its unit is left to others."""
        (self.work / _RETURNED).mkdir(exist_ok=True)
        (self.work / _RETURNED / f'{self.unit}.{self.generation:04d}').touch()

    def _path(self, later: int) -> Path:
        return self.work / _LEASES / f'{self.unit}.{self.generation + later:04d}'


class Leases:
    """The leases and parts of a folder.

    Args:
        root: The shared folder.
        owner: This process.
    """

    def __init__(self, root: Path, owner: str) -> None:
        self.work, self._folder, self._owner = root / WORK_FOLDER, root / WORK_FOLDER / _LEASES, owner
        self._root = root

    def held(self) -> dict[str, int]:
        """Return the latest generation of each unit that somebody holds or has made."""
        return _latest(finished_names(self._folder))

    def made(self) -> dict[str, int]:
        """Return the latest generation of each unit that left its part."""
        names = finished_names(self.work / PARTS_FOLDER)
        return _latest(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))

    def claim(self, unit: str, generation: int, first: int = 0) -> Lease | None:
        """Return the lease of that generation, or None where another process has it.

        Args:
            unit: Name of the unit.
            generation: How many held it before.
            first: Generation from which on losses count.
        """
        lease = Lease(unit, generation, self._owner, self.work, self._losses(unit, range(first, generation)))
        path = self._folder / f'{unit}.{generation:04d}'
        try:
            in_folder(path, lambda: create_file(path, self._owner.encode('ascii')))
        except FileExistsError:
            return None
        return lease

    def owner(self, unit: str, generation: int) -> str | None:
        """Return the holder of a lease, '' where its file is still empty, None where there is no such lease."""
        try:
            return (self._folder / f'{unit}.{generation:04d}').read_text(encoding='ascii')
        except OSError:
            return None

    def _losses(self, unit: str, generations: range) -> int:
        returned = set(finished_names(self.work / _RETURNED)) if generations else set()
        return sum(f'{unit}.{generation:04d}' not in returned for generation in generations)

    def clear(self) -> None:
        """Remove all parts and leases, when everything is made and merged."""
        parts = self.work / PARTS_FOLDER
        paths = [*part_paths(self._root), *partial_paths(parts), self.work / RUN_NAME]
        for folder in (self.work / name for name in LEASE_FOLDERS):
            paths += [folder / name for name in finished_names(folder)]
        for path in paths:
            remove(path, missing_ok=True)


def in_folder(path: Path, write: Callable[[], object]) -> None:
    """Write a file in a folder that who leaves removes where it is empty.

    Who does what comes last also removes temporary files, for which it cannot tell the dead's from those of who joins.

    Raises:
        FileNotFoundError: Three times the folder or the temporary file was gone.
    """
    for _ in range(3):
        make_folder(path.parent, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            write()
            return
    raise FileNotFoundError(f'Expected to create files in {path.parent}, but the folder vanishes again and again.')


def _latest(names: Iterable[str]) -> dict[str, int]:
    latest: dict[str, int] = {}
    for name in names:
        unit, _, generation = name.rpartition('.')
        latest[unit] = max(int(generation), latest.get(unit, 0))
    return latest
