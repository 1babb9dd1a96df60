"""Boxes of objects from annotation files, for labelling object by object.

Boxes are x1, y1, x2, y2 in pixels of the annotated image, half-open. Shape letters: M boxes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mmseg_gen.datasets.boxes import read_voc_xml
from mmseg_gen.datasets.coco_json import group_by_image, read_instances
from mmseg_gen.errors import UserError
from mmseg_gen.registry import GENERATORS

Boxes = tuple[np.ndarray, np.ndarray]


@GENERATORS.register_module()
class AnnotatedBoxes:
    """Boxes by the name of an image, from COCO's instances JSON or from a folder of Pascal VOC's XML files.

    Categories beside ``classes`` and crowds are left out.

    Args:
        path: The JSON file, or the folder with one ``NAME.xml`` for each image.
        classes: Class names; the label of the first is 1.

    Raises:
        UserError: The file is missing or damaged, or has none of the classes.
    """

    def __init__(self, path: str | os.PathLike[str], classes: Sequence[str]) -> None:
        self.path, self.classes = Path(path).expanduser(), tuple(classes)
        self._boxes = None if self.path.is_dir() else _read_coco(self.path, self.classes)

    @classmethod
    def from_settings(cls, classes: Sequence[str], device: str, **settings: Any) -> AnnotatedBoxes:
        """Return the source that a config describes; ``device`` does not matter."""
        return cls(classes=classes, **settings)

    def find(self, image: np.ndarray, name: str) -> Boxes:
        """Return the boxes ``(M, 4)`` float32 and the labels ``(M,)`` int64 of an image.

        Args:
            image: Does not matter.
            name: File name of the image, with or without its suffix.

        Raises:
            ValueError: The annotations do not know the image.
        """
        stem = PurePosixPath(name).stem
        if self._boxes is None:
            # Any class is read, since XML files hold others too: label 0 is dropped.
            return _read_voc(self.path / f'{stem}.xml', self.classes)
        if stem not in self._boxes:
            raise ValueError(f'Expected boxes of {stem} in {self.path}, but it does not name that image.')
        return self._boxes[stem]


def _read_coco(path: Path, classes: Sequence[str]) -> dict[str, Boxes]:
    instances = read_instances(path)
    names = {category['id']: category['name'] for category in instances['categories']}
    if not set(names.values()) & set(classes):
        raise UserError(
            f'Expected a category from {", ".join(classes)} in {path}, but got '
            f'{", ".join(sorted(names.values())[:8])}; name the classes as the file does.'
        )
    found = {}
    groups = group_by_image(instances, path)
    for image in instances['images']:
        rows = [
            (_corners(a, path), 1 + list(classes).index(names[a['category_id']]))
            for a in groups[image['id']]
            if names[a['category_id']] in classes and not a.get('iscrowd', 0)
        ]
        found[PurePosixPath(image['file_name']).stem] = _arrays(rows)
    return found


def _corners(annotation: dict[str, Any], path: Path) -> tuple[float, ...]:
    box = annotation.get('bbox')
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(v, int | float) for v in box):
        raise UserError(f'Expected `bbox` as [x, y, width, height] in {path}, but got {box!r}.')
    x, y, width, height = box
    return x, y, x + width, y + height


def _read_voc(path: Path, classes: Sequence[str]) -> Boxes:
    if not path.is_file():
        raise ValueError(f'Expected boxes in {path}, but there is no such file.')
    from xml.etree import ElementTree

    everything = read_voc_xml(path, None)
    names = [item.findtext('name', '').strip() for item in ElementTree.parse(path).getroot().findall('object')]
    rows = [
        (tuple(box), 1 + list(classes).index(name))
        for box, name in zip(everything.boxes.tolist(), names, strict=True)
        if name in classes
    ]
    return _arrays(rows)


def _arrays(rows: Sequence[tuple[Sequence[float], int]]) -> Boxes:
    boxes = np.array([row[0] for row in rows], np.float32).reshape(-1, 4)
    return boxes, np.array([row[1] for row in rows], np.int64)
