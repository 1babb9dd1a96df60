"""The shard of a data set's manifest that one process writes."""

from __future__ import annotations

import fcntl
import os
import time
from io import BufferedWriter
from pathlib import Path

from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import (
    DROPPED,
    KEPT,
    Entry,
    by_index,
    entry_to_line,
    is_intact,
    read_manifest,
    read_shard,
)
from mmseg_gen.functional.writing import write_bytes

__all__ = ['DROPPED', 'KEPT', 'Entry', 'ManifestShard', 'is_intact', 'read_manifest']

# Waiting for the disk takes up to half a second, many times what a small sample takes.
_SECONDS_BETWEEN_SYNCS = 5.0


class ManifestShard:
    """The shard one process writes. Opening it drops damaged lines; closing it leaves it in order of index.

    Args:
        root: Folder of the data set; it must exist.
        rank: Number of this process.
        world_size: Number of processes.

    Raises:
        UserError: Another process writes the same shard.
    """

    def __init__(self, root: Path, rank: int = 0, world_size: int = 1) -> None:
        name = 'manifest.jsonl' if world_size == 1 else f'manifest.{rank}.jsonl'
        self.path = root / name
        self._lock = _lock(root / f'.{name}.lock')
        self._entries = {entry.index: entry for entry in read_shard(self.path) if is_intact(root, entry)}
        self._settle()
        self._file = open(self.path, 'ab', buffering=0)
        self._synced = time.monotonic()

    def __enter__(self) -> ManifestShard:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def append(self, entry: Entry) -> None:
        """Write one line in a single call; a killed process loses none, a power failure the last seconds."""
        self._file.write(entry_to_line(entry).encode('utf-8'))
        self._entries[entry.index] = entry
        if time.monotonic() - self._synced > _SECONDS_BETWEEN_SYNCS:
            self._sync()

    def close(self) -> None:
        """Sort the shard where samples were made again out of order, and let go of it."""
        self._sync()
        self._file.close()
        self._settle()
        self._lock.close()

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def _settle(self) -> None:
        content = ''.join(entry_to_line(e) for e in by_index(self._entries.values())).encode('utf-8')
        if (self.path.read_bytes() if self.path.is_file() else b'') != content:
            write_bytes(self.path, content)


def _lock(path: Path) -> BufferedWriter:
    handle = open(path, 'ab')
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        raise UserError(
            f'Expected {path.parent} to be written by one process per rank, but another one holds '
            f'{path.name}; wait for it, or choose another --work-dir.'
        ) from error
    return handle
