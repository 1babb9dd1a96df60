"""Boxes of objects from the annotations of Pascal VOC (XML) and COCO (JSON).

All boxes are x1, y1, x2, y2 in pixels of the original image, half-open: x2 and y2 lie one past the last pixel, so
that width is x2 - x1. Shape letters: N boxes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

import numpy as np
from mmengine.logging import MMLogger

from mmseg_gen.datasets.coco_json import COCO_OBJECT_CLASSES, class_indices, group_by_image, read_instances
from mmseg_gen.errors import UserError


@dataclass(frozen=True)
class ImageBoxes:
    """The boxes of one image.

    Attributes:
        boxes: ``(N, 4)`` float32, see the module.
        labels: ``(N,)`` int64, indices into the class list.
        difficult: ``(N,)`` bool: VOC marks the object as difficult or truncated; False for COCO.
    """

    boxes: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray

    def as_entry(self) -> dict[str, np.ndarray]:
        """Return them under the keys that metrics read: ``boxes``, ``box_labels``, ``box_difficult``."""
        return {'boxes': self.boxes, 'box_labels': self.labels, 'box_difficult': self.difficult}


def _image_boxes(rows: Sequence[tuple[Sequence[float], int, bool]]) -> ImageBoxes:
    return ImageBoxes(
        np.array([row[0] for row in rows], np.float32).reshape(-1, 4),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], bool),
    )


def read_voc_xml(path: str | os.PathLike[str], classes: Sequence[str] | None) -> ImageBoxes:
    """Return the objects of a VOC annotation.

    VOC counts pixels from 1 and includes the last one: (1, 1, width, height) is the whole image and becomes
    (0, 0, width, height). Boxes are cut to the image, whose size the file gives.

    Args:
        path: ``Annotations/NAME.xml``.
        classes: Class list; a box's label is its name's index there. None: names do not matter, each label is 1.

    Raises:
        UserError: The file is missing, damaged, declares a document type or entities, names an unknown class, or
            has an empty box.
    """
    root = _parse_xml(Path(path))
    try:
        width, height = (float(root.findtext(f'size/{side}', '')) for side in ('width', 'height'))
        return _image_boxes([_voc_object(item, classes, width, height) for item in root.findall('object')])
    except ValueError as error:
        raise UserError(f'Expected a complete VOC annotation in {path}, but got: {error}') from error


def _parse_xml(file: Path) -> ElementTree.Element:
    if not file.is_file():
        raise UserError(f'Expected a VOC annotation, but there is no {file}: unpack the folder Annotations.')
    try:
        text = file.read_text(encoding='utf-8')
        # Entities can grow without bound or name other files; annotations need none.
        if '<!DOCTYPE' in text or '<!ENTITY' in text:
            raise UserError(f'Expected plain XML, but {file} declares a document type or entities, which is refused.')
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, UnicodeDecodeError) as error:
        raise UserError(f'Expected complete XML, but {file} is damaged ({error}): unpack it again.') from error


def _voc_object(
    item: ElementTree.Element, classes: Sequence[str] | None, width: float, height: float
) -> tuple[tuple[float, ...], int, bool]:
    name = item.findtext('name', '').strip()
    if classes is not None and name not in classes:
        raise ValueError(f'unknown class {name!r}.')
    corners = [float(item.findtext(f'bndbox/{key}', '')) for key in ('xmin', 'ymin', 'xmax', 'ymax')]
    x1, y1 = max(corners[0] - 1, 0.0), max(corners[1] - 1, 0.0)
    x2, y2 = min(corners[2], width), min(corners[3], height)
    if not (x1 < x2 and y1 < y2):
        raise ValueError(f'an empty box of a {name}, {corners}, in an image of {width:g} x {height:g}.')
    flags = [item.findtext(key, '0').strip() for key in ('difficult', 'truncated')]
    label = 1 if classes is None else list(classes).index(name)
    return (x1, y1, x2, y2), label, '1' in flags


def read_coco_boxes(
    path: str | os.PathLike[str], classes: Sequence[str] = COCO_OBJECT_CLASSES
) -> dict[str, ImageBoxes]:
    """Return the boxes of every image of an instances JSON by the image's file name without suffix.

    Crowds are left out, as in the evaluation of LOST and TokenCut. Boxes without area, of which COCO has a few, are
    left out and counted in the log.

    Args:
        path: ``instances_*.json``.
        classes: Class list; a box's label is its category's index there.

    Raises:
        UserError: The file is missing, damaged or of another form.
    """
    instances = read_instances(path)
    indices, groups = class_indices(instances, path, classes), group_by_image(instances, path)
    found, empty = {}, 0
    for image in instances['images']:
        rows = [_coco_box(a, indices, path) for a in groups[image['id']] if not a.get('iscrowd', 0)]
        solid = [row for row in rows if row[0][0] < row[0][2] and row[0][1] < row[0][3]]
        empty += len(rows) - len(solid)
        found[PurePosixPath(image['file_name']).stem] = _image_boxes(solid)
    if empty:
        MMLogger.get_current_instance().info(f'{path}: {empty} boxes without area left out.')
    return found


def _coco_box(
    annotation: dict[str, Any], indices: dict[int, int], path: str | os.PathLike[str]
) -> tuple[tuple[float, ...], int, bool]:
    box = annotation.get('bbox')
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(v, int | float) for v in box):
        raise UserError(f'Expected `bbox` as [x, y, width, height] in {path}, but got {box!r}.')
    x, y, width, height = box
    return (x, y, x + width, y + height), indices[annotation['category_id']], False
