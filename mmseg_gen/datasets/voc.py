"""Pascal VOC 2007 and 2012 (Everingham et al., "The Pascal Visual Object Classes Challenge", IJCV 2010)."""

from __future__ import annotations

import os
from typing import Any

from mmseg.datasets import PascalVOCDataset

from mmseg_gen.datasets.boxes import read_voc_xml
from mmseg_gen.datasets.listed import ListedFiles
from mmseg_gen.registry import DATASETS

_PREFIX = {'img_path': 'JPEGImages', 'seg_map_path': 'SegmentationClass', 'ann_path': 'Annotations'}


@DATASETS.register_module()
class VOCDataset(ListedFiles, PascalVOCDataset):
    """VOC 2007 or 2012 in its own layout, ``data_root`` being ``VOCdevkit/VOC2007`` or ``VOCdevkit/VOC2012``.

    Args:
        split: Names the list: ``ImageSets/Segmentation/{split}.txt`` with masks, else ``ImageSets/Main/{split}.txt``
            (the larger set, whose images have boxes); None where ``ann_file`` is given.
        ann_file: List of images under ``data_root``, in place of ``split``.
        with_masks: Ask for label maps.
        with_boxes: Add ``boxes``, ``box_labels`` (1 to 20, also where ``metainfo`` chooses classes) and
            ``box_difficult`` of ``Annotations/*.xml`` to each sample, see :mod:`mmseg_gen.datasets.boxes`.
        data_prefix: ``img_path``, ``seg_map_path`` and ``ann_path`` under ``data_root``, where they differ.
        kwargs: As in MMSegmentation's ``PascalVOCDataset``.

    Raises:
        ValueError: Neither ``split`` nor ``ann_file`` is given; the list, an image, a mask or an annotation is
            missing; an image is named twice; an annotation is damaged.
    """

    def __init__(
        self,
        split: str | None = None,
        ann_file: str | None = None,
        *,
        with_masks: bool = True,
        with_boxes: bool = False,
        data_prefix: dict | None = None,
        **kwargs: Any,
    ) -> None:
        if not split and not ann_file:
            raise ValueError("Expected `split` ('train', 'val', ...) or `ann_file`, but got neither.")
        self.with_boxes = with_boxes
        prefix = {**_PREFIX, **(data_prefix or {})}
        if not with_masks:
            del prefix['seg_map_path']
        lists = 'Segmentation' if with_masks else 'Main'
        super().__init__(ann_file=ann_file or f'ImageSets/{lists}/{split}.txt', data_prefix=prefix, **kwargs)

    def more_about(self, name: str) -> dict:
        """Return the boxes of an image where they are asked for."""
        if not self.with_boxes:
            return {}
        path = os.path.join(self.data_prefix['ann_path'], f'{name}.xml')
        return read_voc_xml(path, self.METAINFO['classes']).as_entry()
