"""Scenes of birds in the form of CUB-200-2011: numbered tables, and grey masks of five annotators."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mmseg_gen.datasets.converters.label_files import write_once
from mmseg_gen.datasets.layouts.scene_images import encode_jpeg, scene_images
from mmseg_gen.functional.boxes import mask_box
from mmseg_gen.functional.writing import encode_png

_SPECIES = ('001.Black_footed_Albatross', '002.Laysan_Albatross')


def annotator_mask(mask: np.ndarray) -> np.ndarray:
    """Return the mean of five annotators, uint8 ``(H, W)``: three agree, one draws too little and one too much.

    Args:
        mask: Bool ``(H, W)``; what more than half of them drew.
    """
    drawn, kernel = mask.astype(np.uint8), np.ones((3, 3), np.uint8)
    votes = 3 * drawn + cv2.erode(drawn, kernel) + cv2.dilate(drawn, kernel)
    return votes * np.uint8(51)


def write_cub_scenes(root: str | Path, count: int, *, size: int = 64) -> dict[str, np.ndarray]:
    """Write images, segmentations and the tables of a set whose every third image is for testing.

    ``train_test_split.txt`` has 1 for training; ``train_val_test_split.txt`` of ReDO has 0, 1 and 2 for training,
    validation and testing. Files of the same content are left as they are.

    Args:
        root: ``CUB_200_2011``.
        count: Number of images.
        size: Canvas side in pixels.

    Returns:
        The mask of each image by its stem, bool ``(H, W)``.

    Raises:
        ValueError: An argument is out of range.
        UserError: A file is there with other content.
    """
    folder, truths = Path(root), {}
    tables: dict[str, list[str]] = {
        name: []
        for name in ('images', 'bounding_boxes', 'image_class_labels', 'train_test_split', 'train_val_test_split')
    }
    for scene in scene_images(count, size=size, classes=['bird']):
        number, species = scene.number + 1, scene.number % len(_SPECIES)
        stem = f'{_SPECIES[species].split(".")[1]}_{number:04d}_{796000 + number}'
        name = f'{_SPECIES[species]}/{stem}'
        truths[stem] = scene.labels > 0
        x1, y1, x2, y2 = mask_box(truths[stem])
        write_once(folder / f'images/{name}.jpg', encode_jpeg(scene.image))
        write_once(folder / f'segmentations/{name}.png', encode_png(annotator_mask(truths[stem])))
        tables['images'].append(f'{number} {name}.jpg')
        tables['bounding_boxes'].append(f'{number} {x1:.1f} {y1:.1f} {x2 - x1:.1f} {y2 - y1:.1f}')
        tables['image_class_labels'].append(f'{number} {species + 1}')
        tables['train_test_split'].append(f'{number} {int(scene.number % 3 != 2)}')
        tables['train_val_test_split'].append(f'{number} {scene.number % 3}')
    tables['classes'] = [f'{i} {name}' for i, name in enumerate(_SPECIES, 1)]
    for table, lines in tables.items():
        write_once(folder / f'{table}.txt', ('\n'.join(lines) + '\n').encode())
    return truths
