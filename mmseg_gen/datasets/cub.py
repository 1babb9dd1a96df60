"""Caltech-UCSD Birds-200-2011 (Wah et al., CNS-TR-2011-001, 2011)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np

from mmseg_gen.datasets.foreground import ForegroundDataset, check_corners
from mmseg_gen.datasets.listed import check_files, check_unique, read_image_list
from mmseg_gen.errors import UserError
from mmseg_gen.registry import DATASETS

# File and number of each split. 'redo_*' are those of Chen et al., "Unsupervised Object Segmentation by Redrawing"
# (NeurIPS 2019): its 1 000 test images are what the literature on unsupervised segmentation reports.
_SPLITS = {
    'train': ('train_test_split.txt', '1'),
    'test': ('train_test_split.txt', '0'),
    'redo_train': ('train_val_test_split.txt', '0'),
    'redo_val': ('train_val_test_split.txt', '1'),
    'redo_test': ('train_val_test_split.txt', '2'),
}


@DATASETS.register_module()
class CUBDataset(ForegroundDataset):
    """Birds with masks and boxes, ``data_root`` being ``CUB_200_2011`` with ``segmentations`` unpacked inside.

    The masks are grey: each annotator adds a share, so that ``LoadBinaryMask`` with its threshold of 128 asks for more
    than half of them. A box is x, y, x + width, y + height of ``bounding_boxes.txt``.

    Args:
        split: 'train' or 'test' of ``train_test_split.txt``; 'redo_train', 'redo_val' or 'redo_test' (1 000 images) of
            ``train_val_test_split.txt``, which comes with the code of ReDO.
        ann_file: List of images under ``data_root`` in place of ``split``: names or numbers of ``images.txt``, one a
            line; folders and suffixes may be left out.
        with_masks: Ask for masks.
        data_prefix: ``img_path`` and ``seg_map_path`` under ``data_root``, where they differ.
        kwargs: As in MMSegmentation's ``BaseSegDataset``.

    Raises:
        ValueError: ``split`` is another word; a table, an image or a mask is missing; a table is damaged; the list
            names an unknown image, or one twice.
    """

    METAINFO: ClassVar[dict] = {**ForegroundDataset.METAINFO, 'classes': ('background', 'bird')}

    def __init__(
        self,
        split: str = 'test',
        ann_file: str = '',
        *,
        with_masks: bool = True,
        data_prefix: dict | None = None,
        **kwargs: Any,
    ) -> None:
        if not ann_file and split not in _SPLITS:
            raise ValueError(f'Expected `split` from {", ".join(_SPLITS)}, or `ann_file`, but got {split!r}.')
        self.split, self.with_masks = split, with_masks
        prefix = {'img_path': 'images', 'seg_map_path': 'segmentations', **(data_prefix or {})}
        super().__init__(ann_file=ann_file, data_prefix=prefix, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Return one entry per image, in the order of the list or of ``images.txt``."""
        root = Path(self.data_root or '')
        names = {number: row[0] for number, row in read_numbered(root / 'images.txt', 1).items()}
        rows = read_numbered(root / 'bounding_boxes.txt', 4)
        entries = [self._entry(names[number], _box(rows, number, root)) for number in self._chosen(root, names)]
        cure = 'Unpack CUB_200_2011.tgz, and segmentations.tgz inside of it, or correct `data_root` or the list.'
        check_files((e['img_path'] for e in entries), 'the images of CUBDataset', cure)
        if self.with_masks:
            check_files((e['seg_map_path'] for e in entries), 'a mask for each image of CUBDataset', cure)
        return entries

    def _entry(self, name: str, box: np.ndarray) -> dict:
        mask = Path(self.data_prefix['seg_map_path'], name).with_suffix('.png') if self.with_masks else None
        return self.entry(Path(self.data_prefix['img_path'], name), mask=mask, boxes=box)

    def _chosen(self, root: Path, names: dict[str, str]) -> list[str]:
        if self.ann_file:
            return _find_numbers(read_image_list(self.ann_file), names, self.ann_file)
        file, wanted = _SPLITS[self.split]
        codes = read_numbered(root / file, 1)
        chosen = [number for number in names if codes.get(number, [''])[0] == wanted]
        if not chosen:
            raise UserError(f'Expected images of split {self.split!r}, code {wanted}, in {root / file}, but got none.')
        return chosen


def read_numbered(path: Path, columns: int) -> dict[str, list[str]]:
    """Return the values of each line of a CUB table by the image number that begins it.

    Args:
        path: ``images.txt``, for instance.
        columns: How many values follow the number.

    Raises:
        UserError: There is no such file, a line has another form, or a number occurs twice.
    """
    if not path.is_file():
        raise UserError(f'Expected a table of CUB, but there is no {path}: set `data_root` to the folder CUB_200_2011.')
    lines = [line.split() for line in path.read_text(encoding='utf-8', errors='replace').splitlines() if line.strip()]
    wrong = next((line for line in lines if len(line) != columns + 1 or not line[0].isdecimal()), None)
    if wrong is not None or not lines:
        raise UserError(
            f'Expected an image number and {columns} values in each line of {path}, but got '
            f'{" ".join(wrong or [])!r}: unpack it again.'
        )
    check_unique([line[0] for line in lines], str(path))
    return {line[0]: line[1:] for line in lines}


def _box(rows: dict[str, list[str]], number: str, root: Path) -> np.ndarray:
    where = f'the line of image {number} of {root / "bounding_boxes.txt"}'
    try:
        x, y, width, height = (float(value) for value in rows[number])
    except (KeyError, ValueError) as error:
        raise UserError(f'Expected x, y, width and height in {where}, but got {rows.get(number)}.') from error
    return np.array([check_corners((x, y, x + width, y + height), where)])


def _find_numbers(lines: Sequence[str], names: dict[str, str], path: str) -> list[str]:
    by_stem = {PurePosixPath(name).stem: number for number, name in names.items()}
    numbers = [line if line in names else by_stem.get(PurePosixPath(line).stem, '') for line in lines]
    unknown = [line for line, number in zip(lines, numbers, strict=True) if not number]
    if unknown:
        raise UserError(
            f'Expected names or numbers of images.txt in {path}, but {len(unknown)} of {len(lines)} are unknown: '
            f'{", ".join(unknown[:5])}.'
        )
    check_unique(numbers, path)
    return numbers
