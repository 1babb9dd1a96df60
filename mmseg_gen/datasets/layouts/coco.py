"""Scenes as COCO: JPEGs and an instances JSON of polygons, with crowds as run lengths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_gen.datasets.coco_json import COCO_OBJECT_CLASSES
from mmseg_gen.datasets.converters.label_files import write_once
from mmseg_gen.datasets.layouts.scene_images import SceneImage, encode_jpeg, scene_images
from mmseg_gen.functional.boxes import mask_box
from mmseg_gen.functional.run_length import run_lengths
from mmseg_gen.generators.embedded.scenes import CLASSES

# COCO's category ids run to 90 and leave these out.
_UNUSED_IDS = frozenset((12, 26, 29, 30, 45, 66, 68, 69, 71, 83))
CATEGORY_IDS: tuple[int, ...] = tuple(i for i in range(1, 91) if i not in _UNUSED_IDS)
SHOWN = tuple(name for name in CLASSES if name in COCO_OBJECT_CLASSES)
# One picture in so many has its last object marked as a crowd.
CROWD_EVERY = 5
LIST_NAME = 'annotations/coco_20k_filenames.txt'


def outline_polygons(pixels: np.ndarray) -> list[list[float]]:
    """Return polygons along pixel edges that cover exactly the True pixels of ``(H, W)``: rectangles, row by row.

    Runs that repeat in the next row share a rectangle.
    """
    rectangles: list[list[float]] = []
    open_runs: dict[tuple[int, int], int] = {}
    height = len(pixels)
    for y in range(height + 1):
        edges = np.diff(pixels[y].astype(np.int8), prepend=0, append=0) if y < height else np.zeros(1, np.int8)
        runs = set(zip(np.flatnonzero(edges > 0).tolist(), np.flatnonzero(edges < 0).tolist(), strict=True))
        for run in sorted(set(open_runs) - runs):
            (x1, x2), y1 = run, open_runs.pop(run)
            rectangles.append([float(v) for v in (x1, y1, x2, y1, x2, y, x1, y)])
        for run in runs - set(open_runs):
            open_runs[run] = y
    return rectangles


def write_coco_scenes(root: str | Path, count: int, *, split: str = 'val2017', size: int = 64) -> list[str]:
    """Write scenes of COCO's classes as ``{split}/*.jpg`` and ``annotations/instances_{split}.json``.

    Files of the same content are left as they are, so an interrupted run goes on.

    Args:
        root: Folder of the data set.
        count: Number of images, at least 1.
        split: 'train2017', 'val2017', or 'train2014', whose names differ; splits share no scene.
        size: Canvas side in pixels.

    Returns:
        The names of the images, without suffix.

    Raises:
        ValueError: An argument is out of range.
        UserError: A file is there with other content.
    """
    splits = ('val2017', 'train2017', 'train2014')
    if split not in splits:
        raise ValueError(f'Expected `split` from {", ".join(splits)}, but got {split!r}.')
    folder, prefix = Path(root), 'COCO_train2014_' if split == 'train2014' else ''
    images, annotations, names = [], [], []
    for scene in scene_images(count, size=size, classes=SHOWN, split_number=splits.index(split)):
        image_id = 7 * scene.number + 9
        names.append(f'{prefix}{image_id:012d}')
        file_name = f'{names[-1]}.jpg'
        write_once(folder / split / file_name, encode_jpeg(scene.image))
        height, width = scene.labels.shape
        images.append({'id': image_id, 'file_name': file_name, 'width': width, 'height': height})
        annotations += _annotations(scene, image_id, len(annotations) + 1)
    names_by_id = zip(CATEGORY_IDS, COCO_OBJECT_CLASSES[1:], strict=True)
    categories = [{'id': i, 'name': name, 'supercategory': 'object'} for i, name in names_by_id]
    content = {'info': {}, 'licenses': [], 'images': images, 'annotations': annotations, 'categories': categories}
    write_once(folder / f'annotations/instances_{split}.json', json.dumps(content).encode())
    return names


def _annotations(scene: SceneImage, image_id: int, first_id: int) -> list[dict[str, Any]]:
    found = []
    objects = [(name, pixels) for name, pixels in scene.objects() if name in COCO_OBJECT_CLASSES]
    for i, (name, pixels) in enumerate(objects):
        crowd = scene.number % CROWD_EVERY == CROWD_EVERY - 1 and i == len(objects) - 1
        x1, y1, x2, y2 = mask_box(pixels).astype(int).tolist()
        found.append(
            {
                'id': first_id + i,
                'image_id': image_id,
                'category_id': CATEGORY_IDS[COCO_OBJECT_CLASSES.index(name) - 1],
                'segmentation': {'size': list(pixels.shape), 'counts': run_lengths(pixels).tolist()}
                if crowd
                else outline_polygons(pixels),
                'area': int(pixels.sum()),
                'bbox': [x1, y1, x2 - x1, y2 - y1],
                'iscrowd': int(crowd),
            }
        )
    return found


def write_coco20k_scenes(root: str | Path, count: int, *, size: int = 64) -> list[str]:
    """Write scenes as COCO train2014, twice as many as are listed, and the list of every other image.

    Args:
        root: Folder of the data set.
        count: Number of images on the list, at least 1.
        size: Canvas side in pixels.

    Returns:
        The names on the list, without folder and suffix.

    Raises:
        ValueError: An argument is out of range.
        UserError: A file is there with other content.
    """
    listed = write_coco_scenes(root, 2 * count, split='train2014', size=size)[1::2]
    lines = [f'train2014/{name}.jpg\n' for name in listed]
    write_once(Path(root) / LIST_NAME, ''.join(lines).encode())
    return listed
