"""COCO20k, a part of COCO train2014 for object discovery.

Vo et al., "Toward Unsupervised, Multi-Object Discovery in Large-Scale Image Collections", ECCV 2020; 19 817 images
in the list that LOST and TokenCut use.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from mmseg_gen.datasets.boxes import ImageBoxes, read_coco_boxes
from mmseg_gen.datasets.coco_object import LABEL_FOLDER, COCOObjectDataset
from mmseg_gen.errors import UserError
from mmseg_gen.registry import DATASETS


@DATASETS.register_module()
class COCO20kDataset(COCOObjectDataset):
    """The images that a list names, each with the boxes of its objects.

    Args:
        split: Folder of the images under ``data_root``.
        ann_file: The list, ``train2014/COCO_train2014_000000000009.jpg`` a line; folder and suffix may be left out.
        boxes_file: Instances JSON under ``data_root``: COCO's own, or the small one that
            ``tools/dataset_converters/coco20k.py`` cuts out of it.
        with_masks: Ask for label maps in ``object_labels/{split}``.
        data_prefix: Folders of images and label maps, in place of those that ``split`` and ``with_masks`` stand for.
        kwargs: As in :class:`COCOObjectDataset`.

    Raises:
        ValueError: A file is missing or damaged, an image is named twice, or has no entry in ``boxes_file``.
    """

    def __init__(
        self,
        split: str = 'train2014',
        ann_file: str = 'annotations/coco_20k_filenames.txt',
        *,
        boxes_file: str = 'annotations/instances_train2014.json',
        with_masks: bool = False,
        data_prefix: dict | None = None,
        **kwargs: Any,
    ) -> None:
        self.boxes_file = os.path.join(kwargs.get('data_root') or '', boxes_file)
        self._boxes: Mapping[str, ImageBoxes] = {}
        prefix = data_prefix or {'img_path': split}
        if with_masks and data_prefix is None:
            prefix['seg_map_path'] = f'{LABEL_FOLDER}/{split}'
        super().__init__(split, ann_file, data_prefix=prefix, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Return one entry per image, in the order of the list, with its boxes."""
        self._boxes = read_coco_boxes(self.boxes_file)
        try:
            return super().load_data_list()
        finally:
            # Of the full file, boxes of four times as many images would stay in memory, once per worker.
            self._boxes = {}

    def more_about(self, name: str) -> dict:
        """Return the boxes of an image."""
        if name not in self._boxes:
            raise UserError(
                f'Expected boxes of {name} in {self.boxes_file}, but it has no such image: list and JSON must be of '
                'the same split.'
            )
        return self._boxes[name].as_entry()
