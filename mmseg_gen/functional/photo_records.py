"""Manifest of a folder of labelled photos: a JSON line a photo, with its outcome and the files made from it.

A photo's line is written last, when its files are in place. While photos are labelled, each batch of them leaves its
lines in a file of its own, a part, as :mod:`.manifest` tells of generated sets; readers see both.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .manifest import part_paths
from .shared_files import read_bytes, stat

MANIFEST, FOUND = 'manifest.jsonl', 'found'


@dataclass(frozen=True)
class PhotoRecord:
    """What became of one photo.

    Attributes:
        name: Path of the photo below its folder, without suffix, with '/'; stem of its files.
        image: Path of the photo.
        outcome: 'found', or why there is no mask.
        files: For ``mask``, ``map``, ``background``, ``difference``, as far as they exist: path relative to the
            folder, size in bytes.
        measures: Numbers such as ``area`` and ``uncertainty``.
        notes: Words for what is odd but not fatal, such as 'no_rectangle'.
        detail: Why the photo failed; empty where it did not.
    """

    name: str
    image: str
    outcome: str
    files: dict[str, tuple[str, int]] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    detail: str = ''

    def path(self, root: Path, kind: str) -> Path:
        """Return the path of one of its files.

        Raises:
            KeyError: It has none of that kind.
        """
        return root / self.files[kind][0]


def read_records(root: Path) -> dict[str, PhotoRecord]:
    """Return the records of a folder by name, sorted; damaged lines and those whose files are gone are left out."""
    # Parts are read first: those that a merge takes away meanwhile are then in the manifest.
    parts = [_lines(path) for path in part_paths(root)]
    found = {r.name: r for lines in (_lines(root / MANIFEST), *parts) for line in lines if (r := _parse(line))}
    return {name: found[name] for name in sorted(found) if _is_intact(root, found[name])}


def unmerged_names(root: Path) -> set[str]:
    """Return the names of the photos with a record in a part, so by processes that have not all come to their end."""
    return {r.name for path in part_paths(root) for line in _lines(path) if (r := _parse(line))}


def outcome_counts(records: Iterable[PhotoRecord]) -> dict[str, int]:
    """Return how many photos have each outcome and each note, by name."""
    return dict(sorted(Counter(word for r in records for word in (r.outcome, *r.notes)).items()))


def records_bytes(records: Iterable[PhotoRecord]) -> bytes:
    """Return the lines of records in order of name; of two for one photo the later counts."""
    by_name = {record.name: record for record in records}
    return ''.join(_line(by_name[name]) for name in sorted(by_name)).encode('utf-8')


def _lines(path: Path) -> list[str]:
    try:
        return read_bytes(path).decode('utf-8', errors='replace').splitlines(keepends=True)
    except FileNotFoundError:
        return []


def _line(record: PhotoRecord) -> str:
    return json.dumps(asdict(record), sort_keys=True) + '\n'


def _parse(line: str) -> PhotoRecord | None:
    try:
        content: dict[str, Any] = json.loads(line)
        files = {kind: (str(path), int(size)) for kind, (path, size) in content.pop('files').items()}
        notes = tuple(content.pop('notes'))
        return PhotoRecord(**content, files=files, notes=notes) if line.endswith('\n') else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _is_intact(root: Path, record: PhotoRecord) -> bool:
    try:
        return all(stat(root / path).st_size == size for path, size in record.files.values())
    except OSError:
        return False
