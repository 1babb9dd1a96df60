"""Scenes of people in the form in which crops of Human3.6M are read: folders by subject, and a CSV of boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmseg_gen.datasets.converters.label_files import write_once
from mmseg_gen.datasets.layouts.scene_images import encode_jpeg, scene_images
from mmseg_gen.functional.boxes import mask_box
from mmseg_gen.functional.writing import encode_png

_SUBJECTS = ('S1', 'S9', 'S5', 'S11')


def write_human36m_scenes(root: str | Path, count: int, *, size: int = 64) -> dict[str, np.ndarray]:
    """Write crops of four subjects, two to train on and two to test on, with masks and ``boxes.csv``.

    Args:
        root: Folder of the data set.
        count: Number of crops.
        size: Canvas side in pixels.

    Returns:
        The mask of each crop by its stem, bool ``(H, W)``.

    Raises:
        ValueError: An argument is out of range.
        UserError: A file is there with other content.
    """
    folder, truths, lines = Path(root), {}, ['path,x1,y1,x2,y2']
    for scene in scene_images(count, size=size, classes=['person']):
        stem = f'{scene.number:06d}'
        name = f'{_SUBJECTS[scene.number % len(_SUBJECTS)]}/Walking.54138969/{stem}'
        truths[stem] = scene.labels > 0
        write_once(folder / f'images/{name}.jpg', encode_jpeg(scene.image))
        write_once(folder / f'masks/{name}.png', encode_png(truths[stem].astype(np.uint8) * np.uint8(255)))
        lines.append(','.join([f'{name}.jpg', *(f'{value:g}' for value in mask_box(truths[stem]))]))
    write_once(folder / 'boxes.csv', ('\n'.join(lines) + '\n').encode())
    return truths
