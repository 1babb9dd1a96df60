"""Stanford Dogs (Khosla et al., "Novel Dataset for Fine-Grained Image Categorization", FGVC at CVPR 2011)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mmseg_gen.datasets.boxes import read_voc_xml
from mmseg_gen.datasets.foreground import ForegroundDataset
from mmseg_gen.datasets.listed import check_files, check_unique, read_image_list
from mmseg_gen.datasets.matlab import read_mat
from mmseg_gen.errors import UserError
from mmseg_gen.registry import DATASETS

_LISTS = {'train': 'train_list.mat', 'test': 'test_list.mat', 'all': 'file_list.mat'}


@DATASETS.register_module()
class StanfordDogsDataset(ForegroundDataset):
    """Dogs with boxes: ``Images/BREED/NAME.jpg``, ``Annotation/BREED/NAME`` (XML) and the lists of ``lists.tar``.

    Breeds are not told apart. Coordinates are read as in Pascal VOC, whose form the XML has: counted from 1, the last
    pixel included.

    Args:
        split: 'train', 'test' or 'all': ``train_list.mat``, ``test_list.mat`` or ``file_list.mat`` in ``data_root`` or
            its folder ``lists``.
        ann_file: List of images under ``data_root`` in place of ``split``: a .mat file with ``file_list``, or a text
            file with a ``BREED/NAME.jpg`` a line.
        data_prefix: ``img_path`` and ``ann_path`` under ``data_root``, where they differ.
        kwargs: As in MMSegmentation's ``BaseSegDataset``.

    Raises:
        ValueError: ``split`` is another word; the list, an image or an annotation is missing or damaged; an image is
            named twice.
    """

    METAINFO: ClassVar[dict] = {**ForegroundDataset.METAINFO, 'classes': ('background', 'dog')}

    def __init__(
        self, split: str = 'test', ann_file: str = '', *, data_prefix: dict | None = None, **kwargs: Any
    ) -> None:
        if not ann_file and split not in _LISTS:
            raise ValueError(f'Expected `split` from {", ".join(_LISTS)}, or `ann_file`, but got {split!r}.')
        self.split = split
        prefix = {'img_path': 'Images', 'ann_path': 'Annotation', **(data_prefix or {})}
        super().__init__(ann_file=ann_file, data_prefix=prefix, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Return one entry per image, in the order of the list, with the boxes of its dogs."""
        file, names = self._names()
        check_unique(names, str(file))
        images = [Path(self.data_prefix['img_path'], name) for name in names]
        annotations = [Path(self.data_prefix['ann_path'], name).with_suffix('') for name in names]
        cure = 'Unpack images.tar and annotation.tar, or correct `data_root` or the list.'
        check_files(map(str, images), 'the images of StanfordDogsDataset', cure)
        check_files(map(str, annotations), 'an annotation for each image of StanfordDogsDataset', cure)
        return [
            self.entry(image, boxes=_read_boxes(annotation))
            for image, annotation in zip(images, annotations, strict=True)
        ]

    def _names(self) -> tuple[Path, list[str]]:
        if self.ann_file and not self.ann_file.endswith('.mat'):
            return Path(self.ann_file), read_image_list(self.ann_file)
        root, name = Path(self.data_root or ''), _LISTS.get(self.split, '')
        file = Path(self.ann_file or root / name)
        if not self.ann_file and not file.is_file():
            file = root / 'lists' / name
        return file, [str(value) for value in np.atleast_1d(read_mat(file, 'file_list'))]


def _read_boxes(path: Path) -> np.ndarray:
    boxes = read_voc_xml(path, None).boxes
    if not len(boxes):
        raise UserError(f'Expected at least one object in {path}, but got none: unpack annotation.tar again.')
    return boxes
