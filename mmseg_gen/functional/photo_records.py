"""Manifest of a folder of labelled photos: a JSON line a photo, with its outcome and the files made from it.

A photo's line is written last, when its files are in place, in one call: a run that is killed loses none.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .writing import write_bytes

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
    path = root / MANIFEST
    lines = path.read_bytes().decode('utf-8', errors='replace').splitlines(keepends=True) if path.is_file() else []
    found = {r.name: r for line in lines if (r := _parse(line)) is not None}
    return {name: found[name] for name in sorted(found) if _is_intact(root, found[name])}


def outcome_counts(records: Iterable[PhotoRecord]) -> dict[str, int]:
    """Return how many photos have each outcome and each note, by name."""
    return dict(sorted(Counter(word for r in records for word in (r.outcome, *r.notes)).items()))


class RecordBook:
    """Writes the records of a folder; a context manager that leaves them in order of name.

    Args:
        root: The folder; made where it is missing.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root, self.records = root, read_records(root)
        self._settle()

    def __enter__(self) -> RecordBook:
        # Unbuffered: a line is in the file when the call returns.
        self._file = open(self.root / MANIFEST, 'ab', buffering=0)
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()
        self._settle()

    def append(self, record: PhotoRecord) -> None:
        """Add a record."""
        self._file.write(_line(record).encode('utf-8'))
        self.records[record.name] = record

    def _settle(self) -> None:
        content = ''.join(_line(self.records[name]) for name in sorted(self.records)).encode('utf-8')
        path = self.root / MANIFEST
        if content and (path.read_bytes() if path.is_file() else b'') != content:
            write_bytes(path, content)


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
        return all(os.stat(root / path).st_size == size for path, size in record.files.values())
    except OSError:
        return False
