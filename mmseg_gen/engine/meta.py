"""``meta.json``: the settings a generated data set was made with; a run with others must not mix into it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_gen.engine.manifest import MANIFEST_NAME
from mmseg_gen.engine.sample_writer import FOLDERS
from mmseg_gen.engine.setting_values import first_difference
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import FORMAT, META_NAME, finished_names, read_meta
from mmseg_gen.functional.shared_files import exists, is_file, list_names, read_bytes
from mmseg_gen.functional.writing import write_bytes


def check_meta(root: Path, settings: Mapping[str, Any]) -> None:
    """Check that a folder was made with these settings.

    ``settings`` may be a part of those in ``meta.json``: what is only known once the models are loaded comes
    later.

    Raises:
        UserError: A setting differs; the text names the first one and both values.
    """
    meta = read_meta(root)
    if meta is None:
        return
    known = {key: value for key, value in meta['settings'].items() if key in settings}
    wanted = json.loads(json.dumps(settings))
    name = first_difference(known, wanted)
    if name is not None:
        raise UserError(
            f'Expected `synthesis.{name}` = {_shown(known, name)}, with which {root} was made, but got '
            f'{_shown(wanted, name)}; choose another folder for the set, or the same settings.'
        )


def write_meta(root: Path, settings: Mapping[str, Any], tag: str = '') -> None:
    """Write ``meta.json`` unless it says the same already; processes of different tags may do so at once.

    A set has it before its first sample. So a manifest, or files where samples go, without it are not of a set: samples
    would mix with them, or replace them. Whatever else lies in the folder stays as it is.

    Raises:
        UserError: There are such files, or there is a ``meta.json`` of something else.
    """
    _check_own_files(root)
    text = json.dumps({'format': FORMAT, 'settings': settings}, indent=1, sort_keys=True) + '\n'
    path = root / META_NAME
    if not is_file(path) or read_bytes(path) != text.encode('utf-8'):
        write_bytes(path, text.encode('utf-8'), tag)


def _check_own_files(root: Path) -> None:
    if read_meta(root) is not None:
        return
    foreign = [MANIFEST_NAME] if exists(root / MANIFEST_NAME) else []
    foreign += [f'{folder}/{name}' for folder in FOLDERS.values() for name in finished_names(root / folder)[:1]]
    # Looked for after the files: another process may write it, then a sample, in between.
    if foreign and META_NAME not in list_names(root):
        raise UserError(
            f'Expected {root} to be new or a generated set, but it holds {foreign[0]} and no {META_NAME}; choose '
            'another --work-dir.'
        )


def _shown(values: Mapping[str, Any], name: str) -> str:
    """Return the value of a dotted name as text, a long one shortened; None where it is not set."""
    for key in name.split('.'):
        values = values.get(key) if isinstance(values, Mapping) else None
    text = repr(values)
    return text if len(text) <= 80 else f'{text[:77]}...'
