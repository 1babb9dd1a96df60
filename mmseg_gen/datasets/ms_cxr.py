"""MS-CXR: phrases and boxes on chest radiographs (Boecking et al., ECCV 2022), images from MIMIC-CXR-JPG."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mmseg_gen.datasets.coco_json import check_records, read_json
from mmseg_gen.datasets.foreground import ForegroundDataset, check_corners
from mmseg_gen.datasets.listed import check_files
from mmseg_gen.errors import UserError
from mmseg_gen.registry import DATASETS

_KEYS = {
    'images': ('id', 'path', 'width', 'height'),
    'categories': ('id', 'name'),
    'annotations': ('image_id', 'category_id', 'bbox', 'label_text'),
}


class _Finding(NamedTuple):
    path: str
    category: str
    text: str
    size: tuple[int, int]
    box: tuple[float, ...]
    split: str


@DATASETS.register_module()
class MSCXRDataset(ForegroundDataset):
    """One sample per image, finding and phrase, with all the boxes that belong together.

    Besides ``boxes`` and ``box_labels`` a sample has ``text`` (the phrase), ``category`` (the finding),
    ``annotated_size`` (H, W that the boxes were drawn on) and ``sample_name``, by which stored masks are found: the
    stem of the image, ``_`` and the phrase's number among the image's, in alphabetical order of finding and phrase.
    Neither the form of the file nor ``split`` and ``categories`` change it. ``BoxesAsMask`` makes masks of the boxes.

    Args:
        ann_file: ``MS_CXR_Local_Alignment_v*.json`` or ``.csv`` under ``data_root``.
        split: Value of the column ``split`` of the CSV (from version 1.1.0 on); None takes all.
        categories: Findings to use, 'Pneumonia' for instance; None takes all.
        data_prefix: ``img_path``, the folder under ``data_root`` that has the images' folder ``files``.
        kwargs: As in MMSegmentation's ``BaseSegDataset``.

    Raises:
        ValueError: The annotations are missing, damaged or of another form; nothing is left of them; an image is
            missing.
    """

    METAINFO: ClassVar[dict] = {**ForegroundDataset.METAINFO, 'classes': ('background', 'finding')}

    def __init__(
        self,
        ann_file: str = 'MS_CXR_Local_Alignment_v1.1.0.json',
        split: str | None = None,
        *,
        categories: list[str] | None = None,
        data_prefix: dict | None = None,
        **kwargs: Any,
    ) -> None:
        self.split, self.categories = split, categories
        super().__init__(ann_file=ann_file, data_prefix={'img_path': '', **(data_prefix or {})}, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Return one entry per image, finding and phrase, in the order of the file."""
        path = Path(self.ann_file)
        read = _read_csv if path.suffix == '.csv' else _read_json
        groups: dict[tuple[str, str, str], list[_Finding]] = {}
        for finding in read(path):
            groups.setdefault(finding[:3], []).append(finding)
        names = _sample_names(groups)
        asked = {key: own for key, group in groups.items() if (own := [f for f in group if self._is_asked(f)])}
        if not asked:
            raise UserError(
                f'Expected findings in {path} of split {self.split!r} and categories {self.categories}, but got none.'
            )
        entries = [self._entry(*key, group, names[key]) for key, group in asked.items()]
        cure = 'Get the images of MIMIC-CXR-JPG, or correct `data_prefix`.'
        check_files((e['img_path'] for e in entries), 'the images of MSCXRDataset', cure)
        return entries

    def _is_asked(self, finding: _Finding) -> bool:
        return self.split in (None, finding.split) and (self.categories is None or finding.category in self.categories)

    def _entry(self, path: str, category: str, text: str, group: list[_Finding], name: str) -> dict:
        return self.entry(
            Path(self.data_prefix['img_path'], path),
            boxes=np.array([finding.box for finding in group]),
            text=text,
            category=category,
            annotated_size=group[0].size,
            sample_name=name,
        )


def _sample_names(keys: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
    """Return ``STEM_NUMBER`` of each image, finding and phrase; see :class:`MSCXRDataset`."""
    names, counts = {}, Counter()
    for key in sorted(keys):
        counts[key[0]] += 1
        names[key] = f'{PurePosixPath(key[0]).stem}_{counts[key[0]]}'
    return names


def _read_json(path: Path) -> Iterator[_Finding]:
    content = read_json(path, 'the annotations of MS-CXR')
    check_records(content, _KEYS, path)
    images = {image['id']: image for image in content['images']}
    categories = {category['id']: category['name'] for category in content['categories']}
    for i, item in enumerate(content['annotations']):
        where = f'annotations[{i}] of {path}'
        if item['image_id'] not in images or item['category_id'] not in categories:
            raise UserError(f'Expected an image and a category of the file in {where}, but got {str(item)[:80]}.')
        image = images[item['image_id']]
        size = (image['height'], image['width'])
        yield _finding(image['path'], categories[item['category_id']], item, size, item['bbox'], where)


def _read_csv(path: Path) -> Iterator[_Finding]:
    if not path.is_file():
        raise UserError(f'Expected the annotations of MS-CXR, but there is no {path}: set `data_root` or `ann_file`.')
    with path.open(newline='', encoding='utf-8') as stream:
        for number, row in enumerate(csv.DictReader(stream), 2):
            where = f'line {number} of {path}'
            try:
                size, box = (row['image_height'], row['image_width']), [row[key] for key in 'xywh']
                yield _finding(row['path'], row['category_name'], row, size, box, where)
            except KeyError as error:
                raise UserError(f'Expected a column {error} in {path}, but got {", ".join(map(str, row))}.') from error


def _finding(path: str, category: str, row: dict, size: Any, box: Any, where: str) -> _Finding:
    try:
        height, width = (int(side) for side in size)
        x, y, box_width, box_height = (float(value) for value in box)
    except (TypeError, ValueError) as error:
        raise UserError(f'Expected the size of the image and x, y, width, height in {where}, but got {box}.') from error
    corners = (max(x, 0), max(y, 0), min(x + box_width, width), min(y + box_height, height))
    text, split = str(row['label_text']), str(row.get('split', ''))
    return _Finding(path, category, text, (height, width), check_corners(corners, where), split)
