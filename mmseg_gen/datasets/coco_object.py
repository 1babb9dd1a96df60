"""COCO's 80 object classes and background (Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014)."""

from __future__ import annotations

from typing import Any, ClassVar

from mmseg.datasets import BaseSegDataset

from mmseg_gen.datasets.coco_json import COCO_OBJECT_CLASSES
from mmseg_gen.datasets.listed import ListedFiles
from mmseg_gen.functional.palette import voc_palette
from mmseg_gen.registry import DATASETS

LABEL_FOLDER = 'object_labels'


@DATASETS.register_module()
class COCOObjectDataset(ListedFiles, BaseSegDataset):
    """COCO images with the label maps that ``tools/dataset_converters/coco_object.py`` writes.

    Label 0 is background, 1 to 80 are the classes in COCO's order, 255 is a crowd.

    Args:
        split: 'train2017' or 'val2017': images in ``{split}``, labels in ``object_labels/{split}`` under
            ``data_root``; None where ``data_prefix`` is given.
        ann_file: List of images; '' takes all of the folder.
        data_prefix: ``img_path`` and ``seg_map_path`` under ``data_root``, in place of ``split``.
        kwargs: As in MMSegmentation's ``BaseSegDataset``.

    Raises:
        ValueError: Neither ``split`` nor ``data_prefix`` is given; the list, an image or a mask is missing; an
            image is named twice.
    """

    METAINFO: ClassVar[dict] = {
        'classes': COCO_OBJECT_CLASSES,
        'palette': voc_palette()[: len(COCO_OBJECT_CLASSES)].tolist(),
    }

    def __init__(
        self, split: str | None = None, ann_file: str = '', *, data_prefix: dict | None = None, **kwargs: Any
    ) -> None:
        if not split and not data_prefix:
            raise ValueError("Expected `split` ('train2017', 'val2017', ...) or `data_prefix`, but got neither.")
        prefix = data_prefix or {'img_path': split, 'seg_map_path': f'{LABEL_FOLDER}/{split}'}
        super().__init__(ann_file=ann_file, data_prefix=prefix, **kwargs)
