"""Records of a folder's photos, made batch by batch by all processes that are started on the same folder.

A batch is a unit of work: its files are in place when its records are written, all in one file, as a part of the
manifest; the parts are merged when all are there. A run that is killed loses the batches it was at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mmseg_gen.datasets.image_reading import check_photo, read_image
from mmseg_gen.engine.concepts.photos import Photo
from mmseg_gen.engine.concepts.stage import FILE_KINDS, UNREADABLE, Read, claim_stage
from mmseg_gen.engine.crew import Crew
from mmseg_gen.engine.leases import Lease, LeaseLost
from mmseg_gen.engine.presence import Timing
from mmseg_gen.engine.shared_jobs import ATTEMPTS
from mmseg_gen.errors import Incomplete, UserError
from mmseg_gen.functional.manifest import WORK_FOLDER
from mmseg_gen.functional.photo_records import MANIFEST, PhotoRecord, read_records, records_bytes, unmerged_names
from mmseg_gen.functional.shared_files import exists, is_file, read_bytes, remove, stat
from mmseg_gen.functional.writing import PARTIAL_PREFIX, write_bytes

GIVEN_UP, _REASON = 'given_up', f'{ATTEMPTS} processes died or hung at its batch'
Maker = Callable[[Sequence[Read], AbstractSet[str]], list[PhotoRecord]]


def make_records(
    folder: Path,
    identity: Mapping[str, Any],
    photos: Sequence[Photo],
    load: Callable[[], Maker],
    *,
    size: int,
    title: str,
    ready: Mapping[str, PhotoRecord] | None = None,
    timing: Timing | None = None,
) -> dict[str, PhotoRecord]:
    """Return the records of the photos by name, when all are made, by whomever; what is there stays.

    Batches are consecutive photos and are made whole where one of them is missing: networks round differently in
    batches of another make-up, and a resumed run shall give the same bytes.

    Args:
        folder: Of the files and the manifest.
        identity: What they are made with, as JSON: the same in all processes and when the folder was begun.
        photos: Sorted by name.
        load: Loads what makes records, where there is something to do: a function of a batch and the names in it that
            have none yet.
        size: Photos in a batch.
        title: Of the progress bar.
        ready: Records, by name, of photos for which nothing is to be made.
        timing: How the processes watch each other; None for the defaults.

    Raises:
        UserError: The folder was begun with other settings, or files vanish while the run goes on.
        Incomplete: ``ATTEMPTS`` processes died or hung at a batch, so that it was given up; all others are made.
    """
    claim_stage(folder, identity, anew=not has_begun(folder))
    ready = ready or {}
    known = _Known(folder)
    if known.missing(photos) or exists(folder / WORK_FOLDER):
        left = [photo for photo in photos if photo.name not in ready]
        batches = [left[start : start + size] for start in range(0, len(left), size)]
        with Crew(folder, identity, timing) as crew:
            _make(crew, {_unit(batch): batch for batch in batches}, known, load, title=title)
            crew.settle(partial(_settle, folder, ready))
    records = read_records(folder)
    lacking = [photo.name for photo in photos if photo.name not in records]
    if lacking:
        raise UserError(
            f'Expected the files of {lacking[0]} in {folder} to stay there, but they vanished; go on again.'
        )
    _tell_given_up(folder, [photo.name for photo in photos if records[photo.name].outcome == GIVEN_UP])
    return {photo.name: records[photo.name] for photo in photos}


def has_begun(folder: Path) -> bool:
    """Return whether a folder has records, or processes at work on them."""
    return exists(folder / MANIFEST) or exists(folder / WORK_FOLDER)


class _Known:
    """Which photos of a folder have their record, as of the last merge of its manifest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read()

    def missing(self, batch: Sequence[Photo]) -> set[str]:
        """Return the names of those that have none."""
        if self._stamp() != self._merged:
            # Others came to their end since this process looked, and their leases are gone.
            self._read()
        return {photo.name for photo in batch} - self._names

    def _read(self) -> None:
        self._merged, parts, records = self._stamp(), unmerged_names(self._folder), read_records(self._folder)
        # What was given up stays so for all who are at work; when they have come to their end, it is tried again.
        self._names = {name for name, own in records.items() if own.outcome != GIVEN_UP or name in parts}

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = stat(self._folder / MANIFEST)
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns


def _make(
    crew: Crew, batches: Mapping[str, Sequence[Photo]], known: _Known, load: Callable[[], Maker], *, title: str
) -> None:
    """Make batches until all have been made, by this process or others."""
    sizes = {unit: len(known.missing(batch)) for unit, batch in batches.items()}
    todo = [unit for unit, count in sizes.items() if count]
    if not todo:
        return
    begun, total, make = crew.made(), sum(map(len, batches.values())), load()
    done = total - sum(sizes.values())
    with tqdm(total=total, initial=done, desc=title, unit='photo', disable=None) as bar:
        # Those that count as made and lack a file are made again.
        for lease in crew.hand_out(todo, {unit: begun[unit] for unit in todo if unit in begun}):
            if lease is not None:
                _make_batch(lease, batches[lease.unit], known, make)
            bar.update(done + sum(sizes.get(unit, 0) for unit in crew.last_made) - bar.n)
        bar.update(total - bar.n)


def _make_batch(lease: Lease, batch: Sequence[Photo], known: _Known, make: Maker) -> None:
    missing = known.missing(batch)
    try:
        if lease.losses >= ATTEMPTS:
            left = [photo for photo in batch if photo.name in missing]
            lease.finish(records_bytes([PhotoRecord(p.name, str(p.path), GIVEN_UP, detail=_REASON) for p in left]))
            return
        found, records = _read_photos(batch) if missing else ([], [])
        records = [record for record in records if record.name in missing]
        wanted = missing - {record.name for record in records}
        lease.finish(records_bytes([*records, *(make(found, wanted) if wanted else ())]))
    except (LeaseLost, OSError):
        # What another process has taken over may be gone from under this one.
        if not lease.lost:
            raise


def _tell_given_up(folder: Path, names: Sequence[str]) -> None:
    if names:
        raise Incomplete(
            f'Expected to label all photos, but {len(names)} were given up in {folder} ({", ".join(names[:8])}'
            f'{", ..." if len(names) > 8 else ""}): {_REASON}. Start again with --resume to try them again, or take '
            'them out of the photos.'
        )


def _read_photos(batch: Sequence[Photo]) -> tuple[list[Read], list[PhotoRecord]]:
    """Return the photos that can be read, and the records of those that cannot."""
    found, bad = [], []
    for photo in batch:
        try:
            found.append(Read(photo, check_photo(read_image(photo.path))))
        except (OSError, ValueError) as error:
            bad.append(PhotoRecord(photo.name, str(photo.path), UNREADABLE, detail=str(error)))
    return found, bad


def _unit(batch: Sequence[Photo]) -> str:
    # Of any names, and another one where photos were added.
    return hashlib.sha256('\n'.join(photo.name for photo in batch).encode('utf-8')).hexdigest()[:16]


def _settle(folder: Path, ready: Mapping[str, PhotoRecord], lease: Lease) -> None:
    content = records_bytes([*read_records(folder).values(), *ready.values()])
    lease.check()
    if not is_file(folder / MANIFEST) or read_bytes(folder / MANIFEST) != content:
        write_bytes(folder / MANIFEST, content, lease.tag)
    # Of processes that were killed while they wrote.
    leftover = [path for kind in FILE_KINDS for path in (folder / kind).rglob(f'{PARTIAL_PREFIX}*')]
    for path in (*folder.glob(f'{PARTIAL_PREFIX}*'), *leftover):
        remove(path, missing_ok=True)
