"""The folder of preliminary masks: ``manifest*.jsonl`` with a line per photo, ``masks/NAME.png`` for those found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from mmseg_gen.errors import UserError

from .manifest import shard_paths

FOUND = 'found'
MASKS = 'masks'


@dataclass(frozen=True)
class PreliminaryPhoto:
    """A photo and what came of its preliminary mask.

    Attributes:
        name: Stem of its files; with '/' for folders below.
        image: Path of the photo.
        outcome: 'found', or why there is no mask.
        mask: Path of the mask, whatever the outcome.
    """

    name: str
    image: Path
    outcome: str
    mask: Path


def read_preliminary(folder: Path, photos_root: Path) -> list[PreliminaryPhoto]:
    """Return the photos of a folder of preliminary masks, sorted by name; of two lines for one the later counts.

    Args:
        folder: Holds ``manifest*.jsonl``: JSON objects with ``image``, ``name`` and ``outcome``, one a line, other
            keys allowed; and ``masks``.
        photos_root: What relative paths of photos start from.

    Raises:
        UserError: There is no manifest or no photo in it, or a line is damaged.
    """
    paths = shard_paths(folder)
    if not paths:
        raise UserError(
            f'Expected preliminary masks in {folder}, but there is no manifest.jsonl; make them first, or set '
            '`preliminary` to where they are.'
        )
    found: dict[str, PreliminaryPhoto] = {}
    for path in paths:
        for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
            if line.strip():
                photo = _photo(line, f'{path}:{number}', folder, photos_root)
                found[photo.name] = photo
    if not found:
        raise UserError(f'Expected at least one photo in {paths[0]}, but it is empty.')
    return [found[name] for name in sorted(found)]


def _photo(line: str, where: str, folder: Path, photos_root: Path) -> PreliminaryPhoto:
    try:
        entry = json.loads(line)
        name, image, outcome = (str(entry[key]) for key in ('name', 'image', 'outcome'))
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f'Expected a JSON object with `name`, `image` and `outcome` in {where}, but got {line[:80]!r}; make the '
            'preliminary masks again.'
        ) from error
    return PreliminaryPhoto(name, photos_root / image, outcome, folder / MASKS / f'{name}.png')
