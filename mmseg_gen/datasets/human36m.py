"""Crops of people from Human3.6M (Ionescu et al., TPAMI 2014), as fobadiffusion uses them.

The data set is distributed as videos; there is no common form of crops, so this one is ours: see
``docs/datasets/human36m.md``.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mmseg_gen.datasets.folder import find_by_name
from mmseg_gen.datasets.foreground import ForegroundDataset, check_corners
from mmseg_gen.datasets.listed import check_files, check_unique
from mmseg_gen.errors import UserError
from mmseg_gen.registry import DATASETS

# Subjects of the usual protocol of pose estimation on this data set.
_SUBJECTS = {'train': ('S1', 'S5', 'S6', 'S7', 'S8'), 'test': ('S9', 'S11')}
_COLUMNS = ('path', 'x1', 'y1', 'x2', 'y2')


@DATASETS.register_module()
class Human36MDataset(ForegroundDataset):
    """Crops ``images/SUBJECT/.../NAME.jpg``, masks ``masks/SUBJECT/.../NAME.png``, boxes ``boxes.csv``.

    Args:
        split: 'train' (S1, S5, S6, S7, S8) or 'test' (S9, S11) by subject; None takes all.
        with_masks: Ask for masks, 0 and 255.
        boxes_file: CSV with the columns path (under ``images``, with suffix), x1, y1, x2, y2: pixels of the crop,
            half-open, a box a line; None leaves boxes out.
        data_prefix: ``img_path`` and ``seg_map_path`` under ``data_root``, where they differ.
        kwargs: As in MMSegmentation's ``BaseSegDataset``.

    Raises:
        ValueError: ``split`` is another word; there is no image, two images differ in their suffix only, an image has
            no mask or no box, or the CSV is missing or damaged.
    """

    METAINFO: ClassVar[dict] = {**ForegroundDataset.METAINFO, 'classes': ('background', 'person')}

    def __init__(
        self,
        split: str | None = 'test',
        *,
        with_masks: bool = True,
        boxes_file: str | None = 'boxes.csv',
        data_prefix: dict | None = None,
        **kwargs: Any,
    ) -> None:
        if split is not None and split not in _SUBJECTS:
            raise ValueError(f'Expected `split` from {", ".join(_SUBJECTS)}, or None, but got {split!r}.')
        self.split, self.with_masks, self.boxes_file = split, with_masks, boxes_file
        super().__init__(data_prefix={'img_path': 'images', 'seg_map_path': 'masks', **(data_prefix or {})}, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Return one entry per crop, sorted by path."""
        folder, masks = Path(self.data_prefix['img_path']), Path(self.data_prefix['seg_map_path'])
        subjects = _SUBJECTS.get(self.split or '')
        found = {n: p for n, p in find_by_name(folder).items() if subjects is None or n.split('/')[0] in subjects}
        if not found:
            raise UserError(f'Expected crops of {", ".join(subjects or ())} in {folder}, but got none.')
        boxes = None if self.boxes_file is None else _read_boxes(Path(self.data_root or '', self.boxes_file))
        entries = []
        for name, path in found.items():
            rows = None if boxes is None else boxes.get(path.relative_to(folder).as_posix())
            if boxes is not None and rows is None:
                raise UserError(f'Expected a box of {path.relative_to(folder)} in {self.boxes_file}, but got none.')
            entries.append(self.entry(path, mask=masks / f'{name}.png' if self.with_masks else None, boxes=rows))
        if self.with_masks:
            cure = 'Add the masks, or set `with_masks=False`.'
            check_files((e['seg_map_path'] for e in entries), 'a mask for each image of Human36MDataset', cure)
        return entries


def _read_boxes(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise UserError(f'Expected boxes, but there is no {path}: write it, or set `boxes_file=None`.')
    with path.open(newline='', encoding='utf-8') as stream:
        rows = list(csv.DictReader(stream))
    found: dict[str, list[tuple[float, ...]]] = {}
    for number, row in enumerate(rows, 2):
        try:
            corners = [float(row[key]) for key in _COLUMNS[1:]]
            name = row['path']
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f'Expected {", ".join(_COLUMNS)} in line {number} of {path}, but got {row}.') from error
        found.setdefault(name, []).append(check_corners(corners, f'line {number} of {path}'))
    for name, boxes in found.items():
        check_unique([str(box) for box in boxes], f'{path}, {name}')
    return {name: np.array(boxes, np.float32) for name, boxes in found.items()}
