"""Rendered scenes with label maps: the embedded world's held-out photographs of several classes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
from mmseg.datasets import BaseSegDataset

from mmseg_gen.datasets.index_png import encode_index_png
from mmseg_gen.errors import UserError
from mmseg_gen.functional.palette import voc_palette
from mmseg_gen.functional.writing import encode_png, write_bytes
from mmseg_gen.generators.embedded.corpus import HELD_OUT_SEED
from mmseg_gen.generators.embedded.scenes import CLASSES, render_scene
from mmseg_gen.registry import DATASETS

# Far from the seeds of the scenes in DUTS layout.
_OFFSET = 3_000_000


@DATASETS.register_module()
class LabelledScenesDataset(BaseSegDataset):
    """What :func:`write_labelled_scenes` writes: label maps of the embedded classes, background 0.

    Args:
        data_prefix: Folders of images and label maps under ``data_root``.
        render: Scenes that are written to ``data_root`` where they are not there yet; 0 to read only.
        first: Number of the first scene that is written.
        **settings: Arguments of :class:`mmseg.datasets.BaseSegDataset`.
    """

    METAINFO: ClassVar[dict] = {
        'classes': ('background', *CLASSES),
        'palette': voc_palette()[: len(CLASSES) + 1].tolist(),
    }

    def __init__(self, data_prefix: dict | None = None, render: int = 0, first: int = 0, **settings: Any) -> None:
        if render:
            write_labelled_scenes(settings['data_root'], render, first=first)
        prefix = {'img_path': 'images', 'seg_map_path': 'labels'} if data_prefix is None else data_prefix
        super().__init__(data_prefix=prefix, img_suffix='.png', reduce_zero_label=False, **settings)


def write_labelled_scenes(
    root: str | Path, count: int, *, size: int = 64, objects: tuple[int, int] = (1, 2), first: int = 0
) -> list[tuple[str, ...]]:
    """Write scenes that the embedded models were not trained on, and return the classes of each.

    Writes ``images/*.png`` and ``labels/*.png`` (index PNGs: 0 background, i the i-th of the embedded classes). A scene
    is a function of its number, ``size`` and ``objects``. Files that are there are left as they are, so an
    interrupted run goes on; a larger ``count`` adds scenes.

    Args:
        root: Folder of the data set.
        count: Number of scenes, at least 1.
        size: Side in pixels.
        objects: Least and greatest number of classes in a scene.
        first: Number of the first scene: sets of other numbers share no scene.

    Raises:
        ValueError: An argument is out of range.
        UserError: The folder holds scenes of another size.
    """
    if count < 1:
        raise ValueError(f'Expected `count` to be 1 or more, but got {count}.')
    if not 1 <= objects[0] <= objects[1] <= len(CLASSES):
        raise ValueError(f'Expected `objects` with 1 <= least <= greatest <= {len(CLASSES)}, but got {objects}.')
    images, labels = Path(root) / 'images', Path(root) / 'labels'
    for folder in (images, labels):
        folder.mkdir(parents=True, exist_ok=True)
    known = images / f'scene_{first:06d}.png'
    stored = cv2.imread(str(known)) if known.is_file() else None
    if stored is not None and stored.shape[0] != size:
        raise UserError(f'Expected {root} to hold scenes of `size` {size}, but it has {stored.shape[0]}.')
    # Processes of a distributed run may write the same scenes at the same time.
    shown, tag = [], f'{os.getpid()}-'
    for number in range(first, first + count):
        seed = HELD_OUT_SEED + _OFFSET + number
        rng = np.random.default_rng([seed, 1])
        chosen = rng.choice(len(CLASSES), int(rng.integers(objects[0], objects[1] + 1)), replace=False)
        shown.append(tuple(CLASSES[i] for i in chosen))
        image, label = images / f'scene_{number:06d}.png', labels / f'scene_{number:06d}.png'
        if not (image.is_file() and label.is_file()):
            scene = render_scene(seed, size, shown[-1])
            write_bytes(label, encode_index_png(scene.labels), tag)
            write_bytes(image, encode_png(scene.image), tag)
    return shown
