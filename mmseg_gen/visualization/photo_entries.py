"""Folders of labelled photos, as ``mmseg-gen label`` writes them, read as the report reads generated data sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmseg_gen.engine.concepts.records import GIVEN_UP
from mmseg_gen.engine.concepts.stage import STAGE, UNREADABLE
from mmseg_gen.engine.seeding import sample_seed
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import DROPPED, KEPT, Entry
from mmseg_gen.functional.photo_records import FOUND, PhotoRecord, outcome_counts, read_records
from mmseg_gen.visualization.report_page import Part, note, table
from mmseg_gen.visualization.report_samples import FAILED

_PRELIMINARY = 'preliminary'
# Nothing is known of such photos, and looking at them may fail again.
_FAILURES = (UNREADABLE, GIVEN_UP)


def photo_entries(root: Path) -> list[Entry]:
    """Return a folder's photos by name: those with a mask kept, the others dropped for their outcome.

    Maps that an earlier stage left, in ``preliminary`` in the folder or beside it, are shown with the masks.

    Raises:
        UserError: The folder's ``stage.json`` is damaged.
    """
    records, stage = read_records(root), read_stage(root)
    classes = [words[0] for words in stage.get('concepts', ())]
    maps = _earlier_maps(root)
    return [
        Entry(
            index=index,
            name=record.name,
            class_name=', '.join(classes) or 'object',
            prompt=stage.get('prompt', ''),
            seed=sample_seed(stage.get('seed', 0), record.name, 0),
            status=KEPT if record.outcome == FOUND else DROPPED,
            reason=_reason(record),
            files=_files(record, maps),
            measures=record.measures,
            class_names=tuple(classes),
        )
        for index, record in enumerate(records.values())
    ]


def outcome_part(root: Path) -> Part | None:
    """Return the photos of each outcome as a part of the report; None where the folder has no photos."""
    counts = outcome_counts(read_records(root).values())
    if not counts:
        return None
    text = 'Every photo has one outcome; other words are notes on photos that are used all the same.'
    return Part('Outcomes', note(text) + table('Outcomes', ('outcome', 'photos'), list(counts.items())))


def read_stage(root: Path) -> dict[str, Any]:
    """Return what a folder of photos was labelled with, nothing where it does not say.

    Raises:
        UserError: Its ``stage.json`` is damaged.
    """
    path = root / STAGE
    try:
        return json.loads(path.read_text(encoding='utf-8')) if path.is_file() else {}
    except ValueError as error:
        raise UserError(f'Expected {path} to be JSON, but got a damaged file: {error}') from error


def _reason(record: PhotoRecord) -> str:
    if record.outcome in _FAILURES:
        return f'{FAILED}{record.detail or record.outcome}'
    return '' if record.outcome == FOUND else record.outcome


def _files(record: PhotoRecord, maps: dict[str, tuple[str, int]]) -> dict[str, tuple[str, int]]:
    if record.outcome in _FAILURES:
        return {}
    own = {kind: file for kind, file in record.files.items() if kind in ('mask', 'map', 'background')}
    earlier = {'map': maps[record.name]} if record.name in maps else {}
    return {'image': (record.image, 0), **earlier, **own}


def _earlier_maps(root: Path) -> dict[str, tuple[str, int]]:
    """Return the maps of the stage before by name, as paths relative to the folder."""
    for before in (_PRELIMINARY, f'../{_PRELIMINARY}'):
        found = read_records(root / before)
        maps = {name: r.files['map'] for name, r in found.items() if 'map' in r.files}
        if maps:
            return {name: (f'{before}/{path}', size) for name, (path, size) in maps.items()}
    return {}
