"""The folder an export writes: only an empty one, or one that the same export began."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmseg_gen.engine.export.settings import ExportSettings
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import read_meta
from mmseg_gen.functional.writing import write_atomically, write_bytes

MARK = 'export.json'


def open_folder(root: Path, out: Path, settings: ExportSettings, *, resume: bool) -> None:
    """Make the output folder, or check that the same export began it.

    Raises:
        UserError: It lies in the data set, holds something else, was begun with other settings, or was begun
            and ``resume`` is not set.
    """
    if out.resolve() == root.resolve() or root.resolve() in out.resolve().parents:
        raise UserError(f'Expected the output outside the data set {root}, but got {out}; choose another --out.')
    identity = _identity(root, settings)
    mark = out / MARK
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        found = _read_mark(mark)
        if found is None:
            raise UserError(f'Expected {out} to be a new or empty folder, but it holds other files; choose another.')
        if found != identity:
            raise UserError(
                f'Expected {out} to be an export of {root} with the same settings, but it was begun with others; '
                'choose another --out.'
            )
        if not resume:
            raise UserError(f'{out} holds this export already; pass --resume to complete it, or choose another --out.')
    out.mkdir(parents=True, exist_ok=True)
    if not mark.is_file():
        write_bytes(mark, (json.dumps(identity, indent=1, sort_keys=True) + '\n').encode('utf-8'))


def copy_file(source: Path, target: Path) -> None:
    """Copy a file unless it was copied before and has not changed since."""
    if not is_current(target, source) or target.stat().st_size != source.stat().st_size:
        write_atomically(target, lambda partial: shutil.copyfile(source, partial))


def is_current(target: Path, *sources: Path) -> bool:
    """Return whether a file exists and none of its sources is newer."""
    if not target.is_file():
        return False
    made = target.stat().st_mtime_ns
    return all(source.stat().st_mtime_ns <= made for source in sources)


def _identity(root: Path, settings: ExportSettings) -> dict[str, Any]:
    made_with = (read_meta(root) or {}).get('settings', {})
    return json.loads(json.dumps({'export': asdict(settings), 'set': root.resolve().name, 'made_with': made_with}))


def _read_mark(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None
