"""Stanford Cars (Krause et al., "3D Object Representations for Fine-Grained Categorization", 3dRR at ICCV 2013)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np

from mmseg_gen.datasets.foreground import ForegroundDataset, check_corners
from mmseg_gen.datasets.listed import check_files, check_unique
from mmseg_gen.datasets.matlab import read_mat_records
from mmseg_gen.errors import UserError
from mmseg_gen.registry import DATASETS

_CORNERS = ('bbox_x1', 'bbox_y1', 'bbox_x2', 'bbox_y2')
_ONE_FILE = 'cars_annos.mat'
# The boxes of the test images are in both: only the classes are left out of the development kit's own file.
_FILES = {
    'train': ('devkit/cars_train_annos.mat',),
    'test': ('cars_test_annos_withlabels.mat', 'devkit/cars_test_annos_withlabels.mat', 'devkit/cars_test_annos.mat'),
}


@DATASETS.register_module()
class StanfordCarsDataset(ForegroundDataset):
    """Cars with boxes, in either of the two forms in which they are distributed.

    - ``cars_train/*.jpg``, ``cars_test/*.jpg`` and ``devkit/cars_train_annos.mat``, ``devkit/cars_test_annos.mat`` (or
      ``cars_test_annos_withlabels.mat``);
    - ``car_ims/*.jpg`` and ``cars_annos.mat``, whose field ``test`` tells the splits apart.

    Models are not told apart. Coordinates count from 1 and include the last pixel, as usual in MATLAB.

    Args:
        split: 'train' or 'test'.
        ann_file: Annotations under ``data_root``; '' takes the file of ``split`` that is there.
        data_prefix: ``img_path`` under ``data_root``; by default ``cars_train`` or ``cars_test``, or ``data_root``
            itself for ``cars_annos.mat``, which names the folder.
        kwargs: As in MMSegmentation's ``BaseSegDataset``.

    Raises:
        ValueError: ``split`` is another word; the annotations or an image are missing, or damaged.
    """

    METAINFO: ClassVar[dict] = {**ForegroundDataset.METAINFO, 'classes': ('background', 'car')}

    def __init__(
        self, split: str = 'test', ann_file: str = '', *, data_prefix: dict | None = None, **kwargs: Any
    ) -> None:
        if split not in _FILES:
            raise ValueError(f'Expected `split` from {", ".join(_FILES)}, but got {split!r}.')
        self.split = split
        file = ann_file or _annotation_file(kwargs.get('data_root') or '', split)
        self.in_one_file = PurePosixPath(file).name == _ONE_FILE
        prefix = {'img_path': '' if self.in_one_file else f'cars_{split}', **(data_prefix or {})}
        super().__init__(ann_file=file, data_prefix=prefix, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Return one entry per image, in the order of the annotations, with the box of its car."""
        if self.in_one_file:
            rows = read_mat_records(self.ann_file, 'annotations', ('relative_im_path', *_CORNERS, 'test'))
            records = [row[:5] for row in rows if bool(row[5]) == (self.split == 'test')]
        else:
            records = read_mat_records(self.ann_file, 'annotations', ('fname', *_CORNERS))
        if not records:
            raise UserError(f'Expected images of split {self.split!r} in {self.ann_file}, but got none.')
        check_unique([str(record[0]) for record in records], self.ann_file)
        entries = [
            self.entry(Path(self.data_prefix['img_path'], str(name)), boxes=_box(corners, f'{name} of {self.ann_file}'))
            for name, *corners in records
        ]
        cure = 'Unpack the images, or correct `data_root` or `split`.'
        check_files((e['img_path'] for e in entries), 'the images of StanfordCarsDataset', cure)
        return entries


def _annotation_file(root: str, split: str) -> str:
    names = (*_FILES[split], _ONE_FILE)
    found = [name for name in names if os.path.isfile(os.path.join(root, name))]
    if not found:
        raise UserError(f'Expected one of {", ".join(names)} in {root or "`data_root`"}, but got none of them.')
    return found[0]


def _box(corners: Sequence[Any], where: str) -> np.ndarray:
    try:
        x1, y1, x2, y2 = (float(value) for value in corners)
    except (TypeError, ValueError) as error:
        raise UserError(f'Expected four numbers as the box of {where}, but got {list(corners)}.') from error
    return np.array([check_corners((max(x1 - 1, 0.0), max(y1 - 1, 0.0), x2, y2), where)])
