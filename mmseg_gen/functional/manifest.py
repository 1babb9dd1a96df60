"""The manifest of a generated data set: a JSON line per finished sample.

While a set is made, each batch leaves its lines in a file of its own, a part, when all files of its samples are in
place; when all batches are there the parts are merged into ``manifest.jsonl``. Readers see both, by sample index.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmseg_gen.errors import UserError

from .shared_files import is_file, list_names, read_bytes, stat

META_NAME, FORMAT = 'meta.json', 1
KEPT, DROPPED = 'kept', 'dropped'
# What processes at work need; gone when the set is whole.
WORK_FOLDER, PARTS_FOLDER, WORKERS_FOLDER, RUN_NAME = '.work', 'parts', 'workers', 'run.json'


@dataclass(frozen=True)
class Entry:
    """One finished sample.

    Attributes:
        index: Position in the set, from 0.
        name: Stem of the sample's files.
        class_name: Class shown.
        prompt: Text it was generated from.
        seed: Its own seed.
        class_names: All classes that the prompt names, in sets of several classes; else empty.
        status: ``'kept'`` or ``'dropped'``.
        reason: Why it was dropped; empty for a kept one.
        files: For ``image``, ``evidence`` and ``mask``, as far as they exist: path relative to the root,
            size in bytes.
        measures: ``area`` (share of the image), ``uncertainty``, ``energy``, ``clip`` (probability), ``clip_agrees``
            (1 or 0), ``missing`` (classes without a pixel), ``ignored`` (share of the image), where known.
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
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, 'class_names', tuple(self.class_names))


def entry_to_line(entry: Entry) -> str:
    """Return the entry as one line with a checksum of its content, newline included."""
    content = asdict(entry)
    if not entry.class_names:
        # Sets of one class keep the lines that earlier versions wrote and read.
        del content['class_names']
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
    try:
        content = read_bytes(path)
    except FileNotFoundError:
        return []
    lines = content.decode('utf-8', errors='replace').splitlines(keepends=True)
    return [entry for line in lines if (entry := entry_from_line(line)) is not None]


def shard_paths(root: Path) -> list[Path]:
    """Return the files that make up the manifest of a data set; of two lines for one sample the later counts.

    Besides ``manifest.jsonl`` and parts there may be ``manifest.{rank}.jsonl`` of earlier versions.
    """
    return [*sorted(root.glob('manifest*.jsonl')), *part_paths(root)]


def part_paths(root: Path) -> list[Path]:
    """Return the parts of a manifest that are not merged yet, sorted by name."""
    folder = root / WORK_FOLDER / PARTS_FOLDER
    return [folder / name for name in finished_names(folder) if name.endswith('.jsonl')]


def finished_names(folder: Path) -> list[str]:
    """Return the sorted names in a folder, temporary and other hidden ones left out; none where there is no folder."""
    try:
        return sorted(name for name in list_names(folder) if not name.startswith('.'))
    except (FileNotFoundError, NotADirectoryError):
        return []


def read_manifest(root: Path) -> list[Entry]:
    """Return the entries of a data set by sample index."""
    # Parts are read first: those that a merge takes away meanwhile are then in manifest.jsonl.
    parts = [read_shard(path) for path in part_paths(root)]
    whole = [read_shard(path) for path in sorted(root.glob('manifest*.jsonl'))]
    return by_index(entry for shard in [*whole, *parts] for entry in shard)


def is_intact(root: Path, entry: Entry) -> bool:
    """Return whether all files of an entry exist with the size they were written with."""
    for path, size in entry.files.values():
        try:
            if stat(root / path).st_size != size:
                return False
        except OSError:
            return False
    return True


def read_meta(root: Path) -> dict[str, Any] | None:
    """Return ``meta.json``, the settings a data set was made with, or None where there is none.

    Raises:
        UserError: The file is not JSON of this format.
    """
    path = root / META_NAME
    if not is_file(path):
        return None
    try:
        content = json.loads(read_bytes(path))
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.get('format') != FORMAT:
        raise UserError(f'Expected {path} to be a meta.json of format {FORMAT}; choose another --work-dir.')
    return content


def _checksum(content: dict[str, Any]) -> str:
    return f'{zlib.crc32(json.dumps(content, sort_keys=True).encode("utf-8")):08x}'


def by_index(entries: Iterable[Entry]) -> list[Entry]:
    """Return one entry per sample, in order of index; of two for one sample the later counts."""
    merged = {entry.index: entry for entry in entries}
    return [merged[index] for index in sorted(merged)]


def label_classes(root: Path) -> list[str] | None:
    """Return the classes of a set of label maps in order of label, 'background' first; None for sets of one class."""
    settings = (read_meta(root) or {}).get('settings', {})
    return ['background', *settings['classes']] if settings.get('objects') else None


def uncertain_share(root: Path) -> float:
    """Return the share of uncertain samples that a set was made to leave out; 0 where it does not say."""
    settings = (read_meta(root) or {}).get('settings', {})
    return float(settings.get('filter', {}).get('drop_uncertain_share', 0.0))


def leave_out_uncertain(entries: Sequence[Entry], share: float) -> list[Entry]:
    """Return the entries less the share, rounded down, of the most uncertain; the order stays.

    Args:
        entries: Those without ``uncertainty`` in their measures count as certain.
        share: In [0, 1).
    """
    # A float lies a little beside the share that was written: 0.7 of 90 are 63, not 62.99.
    count = math.floor(share * len(entries) + 1e-9)
    ranked = sorted(entries, key=lambda e: (-e.measures.get('uncertainty', 0.0), e.index))
    out = {entry.index for entry in ranked[:count]}
    return [entry for entry in entries if entry.index not in out]
