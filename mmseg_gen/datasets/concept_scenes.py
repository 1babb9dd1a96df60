"""Rendered photos that all show the same classes, their masks kept aside: the embedded world's unlabelled photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mmseg_gen.datasets.index_png import encode_index_png
from mmseg_gen.errors import UserError
from mmseg_gen.functional.writing import encode_png, write_bytes
from mmseg_gen.generators.embedded.corpus import HELD_OUT_SEED
from mmseg_gen.generators.embedded.scenes import CLASSES, render_scene

# Away from the seeds of the other layouts.
_OFFSET = {'train': 500_000, 'test': 700_000}


def write_concept_scenes(
    root: str | Path, count: int, *, classes: Sequence[str] = ('bird',), split: str = 'train', size: int = 64
) -> tuple[Path, Path]:
    """Write photos that the embedded models were not trained on, each with one object of every class.

    Writes ``photos/*.png`` and ``truth/*.png`` (index PNGs: 0 background, i the i-th of ``classes``). A scene is a
    function of its number, ``classes``, ``split`` and ``size``. Files that are there are left as they are, so an
    interrupted run goes on; a larger ``count`` adds scenes.

    Args:
        root: Folder to write to.
        count: Number of photos, at least 1.
        classes: One or two of the embedded classes.
        split: 'train' or 'test'; they share no scene.
        size: Side in pixels.

    Returns:
        The folders of photos and of truth.

    Raises:
        ValueError: An argument is out of range.
        UserError: The folder holds photos of another size.
    """
    if split not in _OFFSET or not 1 <= count <= 100_000:
        raise ValueError(f'Expected `split` from {", ".join(_OFFSET)} and `count` >= 1, but got {split!r}, {count}.')
    if not 1 <= len(classes) <= 2 or set(classes) - set(CLASSES) or len(set(classes)) < len(classes):
        raise ValueError(f'Expected one or two `classes` from {", ".join(CLASSES)}, but got {list(classes)}.')
    photos, truth = Path(root) / 'photos', Path(root) / 'truth'
    for folder in (photos, truth):
        folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        image, label = photos / f'scene_{number:05d}.png', truth / f'scene_{number:05d}.png'
        if image.is_file() and label.is_file():
            _check_size(image, size)
            continue
        scene = render_scene(HELD_OUT_SEED + _OFFSET[split] + number, size, list(classes))
        labels = np.zeros_like(scene.labels)
        for i, name in enumerate(classes, 1):
            labels[scene.labels == 1 + CLASSES.index(name)] = i
        write_bytes(label, encode_index_png(labels))
        write_bytes(image, encode_png(scene.image))
    return photos, truth


def _check_size(image: Path, size: int) -> None:
    pixels = cv2.imread(str(image))
    if pixels is None or pixels.shape[0] != size:
        raise UserError(f'Expected {image} to be a scene of `size` {size}; choose another folder.')
