"""Scenes as Pascal Context: a VOC 2010 tree with 459 labels as .mat files and as one JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmseg.datasets import PascalContextDataset59
from scipy.io import savemat

from mmseg_gen.datasets.converters.context import CONTEXT_IDS
from mmseg_gen.datasets.converters.label_files import write_once
from mmseg_gen.datasets.layouts.scene_images import SceneImage, encode_jpeg, scene_images
from mmseg_gen.functional.run_length import compress_runs, run_lengths
from mmseg_gen.generators.embedded.scenes import CLASSES

CONTEXT_CLASSES: tuple[str, ...] = PascalContextDataset59.METAINFO['classes']
# A label of the 459 that is not among the 59: what benchmark and converter must turn into background.
RARE_LABEL = 1
JSON_NAME, MAT_FOLDER = 'trainval_merged.json', 'trainval'


def context_labels(scene: SceneImage) -> np.ndarray:
    """Return a scene's labels as the 459 are numbered, uint16 ``(H, W)``; other classes get ``RARE_LABEL``."""
    ids = [CONTEXT_IDS[CONTEXT_CLASSES.index(n)] if n in CONTEXT_CLASSES else RARE_LABEL for n in CLASSES]
    return np.array([0, *ids], np.uint16)[scene.labels]


def write_context_scenes(root: str | Path, counts: Mapping[str, int], *, size: int = 64) -> dict[str, list[str]]:
    """Write scenes as ``JPEGImages``, ``ImageSets/Main``, ``trainval/*.mat`` and ``trainval_merged.json``.

    Files of the same content are left as they are, so an interrupted run goes on.

    Args:
        root: ``VOCdevkit/VOC2010``, for instance.
        counts: Number of images by split: 'train' and 'val'; no scene is in both.
        size: Canvas side in pixels.

    Returns:
        The names of the images by split.

    Raises:
        ValueError: An argument is out of range.
        UserError: A file is there with other content.
    """
    folder = Path(root)
    names: dict[str, list[str]] = {}
    content: dict[str, list[dict[str, Any]]] = {'images': [], 'annos_segmentation': []}
    for number, (split, count) in enumerate(counts.items()):
        names[split] = []
        for scene in scene_images(count, size=size, split_number=number):
            name = f'2010_{number}{scene.number:05d}'
            names[split].append(name)
            labels = context_labels(scene)
            write_once(folder / f'JPEGImages/{name}.jpg', encode_jpeg(scene.image))
            write_once(folder / f'{MAT_FOLDER}/{name}.mat', _encode_mat(labels))
            _add(content, labels, name, split)
        write_once(folder / f'ImageSets/Main/{split}.txt', ('\n'.join(names[split]) + '\n').encode())
    write_once(folder / JSON_NAME, json.dumps(content).encode())
    return names


def _encode_mat(labels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    savemat(stream, {'LabelMap': labels}, do_compression=True)
    # SciPy puts the date into the text of the first 116 bytes.
    return b'MATLAB 5.0 MAT-file'.ljust(116) + stream.getvalue()[116:]


def _add(content: dict[str, list[dict[str, Any]]], labels: np.ndarray, name: str, phase: str) -> None:
    image_id = int(name.replace('_', ''))
    height, width = labels.shape
    image = {'image_id': image_id, 'file_name': f'{name}.jpg', 'phase': phase, 'height': height, 'width': width}
    content['images'].append(image)
    for label in np.unique(labels[labels > 0]).tolist():
        segmentation = {'size': [height, width], 'counts': compress_runs(run_lengths(labels == label))}
        content['annos_segmentation'].append({'image_id': image_id, 'category_id': label, 'segmentation': segmentation})
