"""Pascal Context's 459 labels, as .mat files or as one JSON, to label maps of 59 classes and background."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_gen.datasets.coco_json import check_records, read_json
from mmseg_gen.datasets.converters.instance_masks import decode_instance, require_pycocotools
from mmseg_gen.datasets.converters.label_files import Written, write_label_maps, write_once
from mmseg_gen.datasets.listed import check_files, check_unique, read_image_list
from mmseg_gen.errors import UserError

# The 59 classes among the 459 labels, in MMSegmentation's order: both lists are alphabetical.
CONTEXT_IDS: tuple[int, ...] = (
    *(2, 9, 18, 19, 22, 23, 25, 31, 33, 34, 44, 45, 46, 59, 65, 68, 72, 80, 85, 98, 104, 105, 113, 115, 144, 158),
    *(159, 162, 187, 189, 207, 220, 232, 258, 259, 260, 284, 295, 296, 308, 324, 326, 347, 349, 354, 355, 360, 366),
    *(368, 397, 415, 416, 420, 424, 427, 440, 445, 454, 458),
)
NUM_LABELS = 459
LABEL_FOLDER, LIST_FOLDER = 'SegmentationClassContext', 'ImageSets/SegmentationContext'
_SPLITS = ('train', 'val')
_KEYS = {
    'images': ('image_id', 'file_name', 'phase', 'height', 'width'),
    'annos_segmentation': ('image_id', 'category_id', 'segmentation'),
}


def reduce_context_labels(labels: np.ndarray, where: str = 'labels') -> np.ndarray:
    """Return 459 labels as 59 classes, 1 to 59, and background, 0, uint8 of the same shape.

    Args:
        labels: Integers in [0, 459]; 0 is unlabelled.
        where: Named in the error.

    Raises:
        UserError: A label is out of range.

    >>> reduce_context_labels(np.array([0, 2, 3, 458, 459])).tolist()
    [0, 1, 0, 59, 0]
    """
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) <= NUM_LABELS:
        raise UserError(f'Expected labels from 0 to {NUM_LABELS} in {where}, but got {labels.min()} to {labels.max()}.')
    table = np.zeros(NUM_LABELS + 1, np.uint8)
    table[list(CONTEXT_IDS)] = np.arange(1, len(CONTEXT_IDS) + 1)
    return table[labels]


def read_context_mat(path: str | os.PathLike[str]) -> np.ndarray:
    """Return the 459 labels of one image, integers ``(H, W)``.

    Raises:
        UserError: The file is damaged, or holds no ``LabelMap``.
    """
    from scipy.io import loadmat

    try:
        labels = loadmat(path, variable_names=['LabelMap'])['LabelMap']
    # SciPy raises many types on damaged files, some of them its own.
    except Exception as error:
        raise UserError(
            f'Expected a MATLAB file with `LabelMap`, but could not read {path} ({type(error).__name__}: {error}).'
        ) from error
    if labels.ndim != 2 or labels.dtype.kind not in 'ui':
        raise UserError(f'Expected `LabelMap` as integers (H, W) in {path}, but got {labels.dtype} {labels.shape}.')
    return labels


def convert_context_mats(mats: str | os.PathLike[str], voc2010: str | os.PathLike[str]) -> Written:
    """Write label maps and lists from ``trainval/NAME.mat`` into a VOC 2010 tree.

    The lists of train and val are those of VOC 2010, ``ImageSets/Main``. Files that are there are left as they are.

    Args:
        mats: Folder of the .mat files.
        voc2010: ``VOCdevkit/VOC2010``.

    Raises:
        UserError: A list or a .mat file is missing or damaged.
    """
    root, folder = Path(voc2010), Path(mats)
    splits = {split: read_image_list(root / f'ImageSets/Main/{split}.txt') for split in _SPLITS}
    names = [name for split in _SPLITS for name in splits[split]]
    check_files(
        (str(folder / f'{name}.mat') for name in names),
        'annotations of Pascal Context',
        'Unpack trainval.tar.gz and name its folder.',
    )

    def draw(name: str) -> np.ndarray:
        path = folder / f'{name}.mat'
        return reduce_context_labels(read_context_mat(path), str(path))

    return _write(root, splits, draw)


def convert_context_json(json_file: str | os.PathLike[str], voc2010: str | os.PathLike[str]) -> Written:
    """Write label maps and lists from ``trainval_merged.json`` into a VOC 2010 tree.

    Files that are there are left as they are.

    Args:
        json_file: The JSON of the PASCAL in Detail challenge: run lengths per label and image.
        voc2010: ``VOCdevkit/VOC2010``.

    Raises:
        UserError: pycocotools is not installed, or the JSON is missing, damaged or of another form.
    """
    require_pycocotools()
    content = read_json(json_file, 'annotations of Pascal Context (trainval_merged.json)')
    check_records(content, _KEYS, json_file)
    images = {Path(image['file_name']).stem: image for image in content['images'] if image['phase'] in _SPLITS}
    annotations: dict[int, list[Mapping[str, Any]]] = {image['image_id']: [] for image in images.values()}
    for annotation in content['annos_segmentation']:
        annotations.get(annotation['image_id'], []).append(annotation)
    splits = {s: sorted(name for name, image in images.items() if image['phase'] == s) for s in _SPLITS}

    def draw(name: str) -> np.ndarray:
        return draw_context_labels(annotations[images[name]['image_id']], images[name], f'{name} in {json_file}')

    return _write(Path(voc2010), splits, draw)


def draw_context_labels(annotations: Sequence[Mapping[str, Any]], image: Mapping[str, Any], where: str) -> np.ndarray:
    """Return the label map of one image, uint8 ``(H, W)``; of overlapping annotations the later is on top.

    Args:
        annotations: Entries of ``annos_segmentation``.
        image: Entry of ``images``.
        where: Named in errors.

    Raises:
        UserError: An annotation cannot be decoded, or its label is out of range.
    """
    size = (int(image['height']), int(image['width']))
    labels = np.zeros(size, np.int64)
    for annotation in annotations:
        labels[decode_instance(annotation['segmentation'], size, where)] = annotation['category_id']
    return reduce_context_labels(labels, where)


def _write(root: Path, splits: Mapping[str, Sequence[str]], draw: Any) -> Written:
    names = [name for split in _SPLITS for name in splits[split]]
    check_unique(names, 'train and val')
    written = write_label_maps(root / LABEL_FOLDER, names, draw)
    # Last: a list without its label maps would look like a complete set.
    for split, members in splits.items():
        if members:
            write_once(root / LIST_FOLDER / f'{split}.txt', ('\n'.join(members) + '\n').encode())
    return written
