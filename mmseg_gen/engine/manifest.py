"""Merging the manifest of a data set when all its samples are there."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from mmseg_gen.engine.leases import Lease
from mmseg_gen.functional.manifest import WORK_FOLDER, Entry, by_index, entry_to_line, is_intact, read_manifest
from mmseg_gen.functional.shared_files import exists, is_file, list_names, read_bytes, remove
from mmseg_gen.functional.writing import partial_paths, write_atomically

MANIFEST_NAME = 'manifest.jsonl'


def manifest_bytes(entries: Iterable[Entry]) -> bytes:
    """Return the lines of entries, in order of index."""
    return ''.join(entry_to_line(entry) for entry in by_index(entries)).encode('utf-8')


def is_settled(root: Path, entries: Iterable[Entry]) -> bool:
    """Return whether ``manifest.jsonl`` holds these entries and nothing else, and no work is left over."""
    return not exists(root / WORK_FOLDER) and _content(root / MANIFEST_NAME) == manifest_bytes(entries)


def settle_manifest(root: Path, lease: Lease) -> None:
    """Write the lines of all samples that are there in full into ``manifest.jsonl``, and clear away what is half.

    Args:
        root: Folder of the data set; all its batches are made.
        lease: Of the one process that does this.
    """
    content = manifest_bytes(entry for entry in read_manifest(root) if is_intact(root, entry))
    lease.check()
    if _content(root / MANIFEST_NAME) != content:
        write_atomically(root / MANIFEST_NAME, lambda partial: _write_through(partial, content), lease.tag)
    # Of processes that were killed while they wrote.
    for folder in (root, *(root / name for name in list_names(root))):
        for path in partial_paths(folder):
            remove(path, missing_ok=True)


def _write_through(path: Path, content: bytes) -> None:
    """Write a file and wait for the disk: the parts are removed afterwards."""
    with open(path, 'wb') as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def _content(path: Path) -> bytes:
    return read_bytes(path) if is_file(path) else b''
