"""``meta.json``: the settings a generated data set was made with; a run with others must not mix into it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_gen.engine.settings import first_difference
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import FORMAT, META_NAME, read_meta
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
            f'{_shown(wanted, name)}; choose another --work-dir, or the same settings.'
        )


def write_meta(root: Path, settings: Mapping[str, Any], tag: str = '') -> None:
    """Write ``meta.json`` unless it says the same already; processes of different tags may do so at once."""
    text = json.dumps({'format': FORMAT, 'settings': settings}, indent=1, sort_keys=True) + '\n'
    path = root / META_NAME
    if not path.is_file() or path.read_text(encoding='utf-8') != text:
        write_bytes(path, text.encode('utf-8'), tag)


def _shown(values: Mapping[str, Any], name: str) -> str:
    """Return the value of a dotted name as text, a long one shortened; None where it is not set."""
    for key in name.split('.'):
        values = values.get(key) if isinstance(values, Mapping) else None
    text = repr(values)
    return text if len(text) <= 80 else f'{text[:77]}...'
