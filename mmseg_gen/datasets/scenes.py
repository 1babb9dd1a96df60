"""Rendered scenes in the layout of DUTS: the embedded world's held-out photographs, with exact masks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mmseg_gen.errors import UserError
from mmseg_gen.functional.writing import encode_png, write_bytes
from mmseg_gen.generators.embedded.corpus import HELD_OUT_SEED
from mmseg_gen.generators.embedded.scenes import CLASSES, render_scene

# Held-out seeds of the two splits lie this far apart.
_SPLIT_OFFSET = {'TE': 0, 'TR': 1_000_000}
CLASSES_NAME = 'classes.json'


def write_duts_scenes(
    root: str | Path,
    count: int,
    *,
    split: str = 'TE',
    size: int = 64,
    classes: Sequence[str] = CLASSES,
) -> dict[str, str]:
    """Write scenes of one object each, none of which the embedded models were trained on.

    Writes ``DUTS-{split}/DUTS-{split}-Image/*.png``, ``DUTS-{split}/DUTS-{split}-Mask/*.png`` (0 and 255) and
    ``DUTS-{split}/classes.json`` (file stem to class). A scene is a function of its number, ``size`` and
    ``classes``. Files that are there are left as they are, so an interrupted run goes on; a larger ``count``
    adds scenes.

    Args:
        root: Folder of the data set.
        count: Number of scenes, at least 1.
        split: 'TE' or 'TR'; they share no scene.
        size: Side in pixels.
        classes: Classes, in turn.

    Returns:
        The content of ``classes.json``.

    Raises:
        ValueError: An argument is out of range.
        UserError: The folder holds scenes of another size or other classes.
    """
    if split not in _SPLIT_OFFSET:
        raise ValueError(f'Expected `split` from {", ".join(_SPLIT_OFFSET)}, but got {split!r}.')
    if count < 1 or count > _SPLIT_OFFSET['TR']:
        raise ValueError(f'Expected `count` in [1, {_SPLIT_OFFSET["TR"]}], but got {count}.')
    if not classes:
        raise ValueError('Expected `classes` to name at least one class, but got none.')
    folder = Path(root) / f'DUTS-{split}'
    images, masks = folder / f'DUTS-{split}-Image', folder / f'DUTS-{split}-Mask'
    for path in (images, masks):
        path.mkdir(parents=True, exist_ok=True)
    names = {f'scene_{number:06d}': classes[number % len(classes)] for number in range(count)}
    _check_same_world(folder, names, images / 'scene_000000.png', size)
    for number, (stem, name) in enumerate(names.items()):
        image, mask = images / f'{stem}.png', masks / f'{stem}.png'
        if image.is_file() and mask.is_file():
            continue
        scene = render_scene(HELD_OUT_SEED + _SPLIT_OFFSET[split] + number, size, [name])
        write_bytes(mask, encode_png((scene.labels > 0).astype(np.uint8) * np.uint8(255)))
        write_bytes(image, encode_png(scene.image))
    known = {**(_read_classes(folder) or {}), **names}
    write_bytes(folder / CLASSES_NAME, (json.dumps(known, indent=1, sort_keys=True) + '\n').encode('utf-8'))
    return names


def _check_same_world(folder: Path, names: dict[str, str], first: Path, size: int) -> None:
    known = _read_classes(folder) or {}
    other = next((stem for stem in names if known.get(stem, names[stem]) != names[stem]), None)
    if other is not None:
        raise UserError(
            f'Expected {folder} to hold scenes of the same `classes`, but {other} shows {known[other]!r} '
            f'instead of {names[other]!r}; choose another folder.'
        )
    image = cv2.imread(str(first)) if first.is_file() else None
    if image is not None and image.shape[0] != size:
        raise UserError(
            f'Expected {folder} to hold scenes of `size` {size}, but it has {image.shape[0]}; choose another folder.'
        )


def _read_classes(folder: Path) -> dict[str, str] | None:
    path = folder / CLASSES_NAME
    return json.loads(path.read_text(encoding='utf-8')) if path.is_file() else None
