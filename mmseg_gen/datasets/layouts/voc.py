"""Scenes as a Pascal VOC tree: JPEGs, XML annotations, lists and palette PNGs with a void band."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
from mmseg.datasets import PascalVOCDataset

from mmseg_gen.datasets.converters.label_files import write_once
from mmseg_gen.datasets.index_png import encode_index_png
from mmseg_gen.datasets.label_reading import IGNORED
from mmseg_gen.datasets.layouts.scene_images import SceneImage, encode_jpeg, scene_images
from mmseg_gen.functional.boxes import mask_box
from mmseg_gen.generators.embedded.scenes import CLASSES

VOC_CLASSES: tuple[str, ...] = PascalVOCDataset.METAINFO['classes']
SHOWN = tuple(name for name in CLASSES if name in VOC_CLASSES)
_DIFFICULT_SHARE = 0.02


def voc_labels(scene: SceneImage) -> np.ndarray:
    """Return a scene's labels as VOC numbers them, uint8 ``(H, W)``; classes that VOC lacks are background."""
    ids = [VOC_CLASSES.index(name) if name in VOC_CLASSES else 0 for name in CLASSES]
    return np.array([0, *ids], np.uint8)[scene.labels]


def add_void_band(labels: np.ndarray) -> np.ndarray:
    """Return the labels with 255 on both sides of each border, as VOC's annotators left it."""
    border = cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    return np.where(border, np.uint8(IGNORED), labels)


def write_voc_scenes(
    root: str | Path, counts: Mapping[str, int], *, year: int = 2012, size: int = 64
) -> dict[str, list[str]]:
    """Write scenes of VOC's classes as ``JPEGImages``, ``Annotations``, ``ImageSets`` and ``SegmentationClass``.

    Files of the same content are left as they are, so an interrupted run goes on.

    Args:
        root: ``VOCdevkit/VOC2012``, for instance.
        counts: Number of images by split, for instance ``{'train': 8, 'val': 4}``; no scene is in two splits.
        year: Begins the names and stands in the annotations: 2007 or 2012.
        size: Canvas side in pixels.

    Returns:
        The names of the images by split.

    Raises:
        ValueError: An argument is out of range.
        UserError: A file is there with other content.
    """
    folder = Path(root)
    names: dict[str, list[str]] = {}
    for number, (split, count) in enumerate(counts.items()):
        names[split] = []
        for scene in scene_images(count, size=size, classes=SHOWN, split_number=number):
            name = f'{number}{scene.number:05d}' if year == 2007 else f'{year}_{number}{scene.number:05d}'
            names[split].append(name)
            write_once(folder / f'JPEGImages/{name}.jpg', encode_jpeg(scene.image))
            write_once(folder / f'SegmentationClass/{name}.png', encode_index_png(add_void_band(voc_labels(scene))))
            write_once(folder / f'Annotations/{name}.xml', _annotation(scene, name, year))
    for task in ('Segmentation', 'Main'):
        for split, members in names.items():
            write_once(folder / f'ImageSets/{task}/{split}.txt', ('\n'.join(members) + '\n').encode())
    return names


def _annotation(scene: SceneImage, name: str, year: int) -> bytes:
    root = ElementTree.Element('annotation')
    _add(root, folder=f'VOC{year}', filename=f'{name}.jpg')
    height, width = scene.labels.shape
    _add(ElementTree.SubElement(root, 'size'), width=width, height=height, depth=3)
    _add(root, segmented=1)
    for class_name, pixels in scene.objects():
        if class_name not in VOC_CLASSES:
            continue
        x1, y1, x2, y2 = mask_box(pixels).astype(int)
        item = ElementTree.SubElement(root, 'object')
        cut = x1 == 0 or y1 == 0 or x2 == width or y2 == height
        small = pixels.mean() < _DIFFICULT_SHARE
        _add(item, name=class_name, pose='Unspecified', truncated=int(cut), difficult=int(small))
        # VOC counts from 1 and includes the last pixel.
        _add(ElementTree.SubElement(item, 'bndbox'), xmin=x1 + 1, ymin=y1 + 1, xmax=x2, ymax=y2)
    ElementTree.indent(root, '\t')
    return ElementTree.tostring(root) + b'\n'


def _add(parent: ElementTree.Element, **values: object) -> None:
    for key, value in values.items():
        ElementTree.SubElement(parent, key).text = str(value)
