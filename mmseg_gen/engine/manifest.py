"""The manifest of a generated data set: one JSON line per finished sample, in shards that need no coordination.

A sample's line is written last, when all its files are in place. The shard of a single process is
``manifest.jsonl``; of several, process r writes ``manifest.{r}.jsonl``. Readers merge them all by sample index.
"""

from __future__ import annotations

import fcntl
import json
import os
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mmseg_gen.engine.writing import write_bytes
from mmseg_gen.errors import UserError

KEPT, DROPPED = 'kept', 'dropped'


@dataclass(frozen=True)
class Entry:
    """One finished sample.

    Attributes:
        index: Position in the set, from 0.
        name: Stem of the sample's files.
        class_name: Class shown.
        prompt: Text it was generated from.
        seed: Its own seed.
        status: ``'kept'`` or ``'dropped'``.
        reason: Why it was dropped; empty for a kept one.
        files: For ``image``, ``evidence`` and ``mask``, as far as they exist: path relative to the root, size in bytes.
        measures: ``area`` (share of the image), ``uncertainty``, ``energy``, ``clip`` (probability), where known.
    """

    index: int
    name: str
    class_name: str
    prompt: str
    seed: int
    status: str = KEPT
    reason: str = ''
    files: dict[str, tuple[str, int]] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)


def entry_to_line(entry: Entry) -> str:
    """Return the entry as one line with a checksum of its content, newline included."""
    content = asdict(entry)
    return json.dumps({**content, 'check': _checksum(content)}, sort_keys=True) + '\n'


def entry_from_line(line: str) -> Entry | None:
    """Return the entry of a line, or None where the line is cut off, damaged, or of another format."""
    try:
        content = json.loads(line)
        check = content.pop('check')
        if not line.endswith('\n') or check != _checksum(content):
            return None
        files = {kind: (path, size) for kind, (path, size) in content.pop('files').items()}
        return Entry(**content, files=files)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def read_shard(path: Path) -> list[Entry]:
    """Return the sound entries of one shard in the order written; a missing file has none."""
    if not path.is_file():
        return []
    lines = path.read_bytes().decode('utf-8', errors='replace').splitlines(keepends=True)
    return [entry for line in lines if (entry := entry_from_line(line)) is not None]


def shard_paths(root: Path) -> list[Path]:
    """Return the shards of a data set, sorted by name."""
    return sorted(root.glob('manifest*.jsonl'))


def read_manifest(root: Path) -> list[Entry]:
    """Return the entries of all shards by sample index; where a sample occurs twice, the later line counts."""
    return _by_index(entry for path in shard_paths(root) for entry in read_shard(path))


def is_intact(root: Path, entry: Entry) -> bool:
    """Return whether all files of an entry exist with the size they were written with."""
    for path, size in entry.files.values():
        try:
            if os.stat(root / path).st_size != size:
                return False
        except OSError:
            return False
    return True


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
        self._file = open(self.path, 'ab', buffering=0)  # noqa: SIM115

    def __enter__(self) -> ManifestShard:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def append(self, entry: Entry) -> None:
        """Write one line, in a single call, and wait until it is on disk."""
        self._file.write(entry_to_line(entry).encode('utf-8'))
        os.fsync(self._file.fileno())
        self._entries[entry.index] = entry

    def close(self) -> None:
        """Sort the shard where samples were made again out of order, and let go of it."""
        self._file.close()
        self._settle()
        self._lock.close()

    def _settle(self) -> None:
        content = ''.join(entry_to_line(e) for e in _by_index(self._entries.values())).encode('utf-8')
        if (self.path.read_bytes() if self.path.is_file() else b'') != content:
            write_bytes(self.path, content)


def _checksum(content: dict) -> str:
    return f'{zlib.crc32(json.dumps(content, sort_keys=True).encode("utf-8")):08x}'


def _by_index(entries: Iterable[Entry]) -> list[Entry]:
    merged = {entry.index: entry for entry in entries}
    return [merged[index] for index in sorted(merged)]


def _lock(path: Path):
    handle = open(path, 'ab')  # noqa: SIM115
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        raise UserError(
            f'Expected {path.parent} to be written by one process per rank, but another one holds {path.name}; '
            'wait for it, or choose another --work-dir.'
        ) from error
    return handle
