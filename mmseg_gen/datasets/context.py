"""Pascal Context (Mottaghi et al., "The Role of Context for Object Detection and Semantic Segmentation", CVPR 2014)."""

from __future__ import annotations

from typing import Any

from mmseg.datasets import PascalContextDataset, PascalContextDataset59

from mmseg_gen.datasets.listed import ListedFiles
from mmseg_gen.registry import DATASETS

_PREFIX = {'img_path': 'JPEGImages', 'seg_map_path': 'SegmentationClassContext'}


def _list_and_prefix(split: str | None, ann_file: str | None, data_prefix: dict | None) -> dict[str, Any]:
    if not split and not ann_file:
        raise ValueError("Expected `split` ('train' or 'val') or `ann_file`, but got neither.")
    return {
        'ann_file': ann_file or f'ImageSets/SegmentationContext/{split}.txt',
        'data_prefix': {**_PREFIX, **(data_prefix or {})},
    }


@DATASETS.register_module()
class Context60Dataset(ListedFiles, PascalContextDataset):
    """The 59 classes and background, as ``tools/dataset_converters/pascal_context.py`` writes them.

    Args:
        split: 'train' or 'val': ``ImageSets/SegmentationContext/{split}.txt`` under ``data_root``
            (``VOCdevkit/VOC2010``); None where ``ann_file`` is given.
        ann_file: List of images under ``data_root``, in place of ``split``.
        data_prefix: ``img_path`` and ``seg_map_path`` under ``data_root``, where they differ.
        kwargs: As in MMSegmentation's ``PascalContextDataset``.

    Raises:
        ValueError: Neither ``split`` nor ``ann_file`` is given; the list, an image or a mask is missing; an image
            is named twice.
    """

    def __init__(
        self, split: str | None = None, ann_file: str | None = None, *, data_prefix: dict | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**_list_and_prefix(split, ann_file, data_prefix), **kwargs)


@DATASETS.register_module()
class Context59Dataset(ListedFiles, PascalContextDataset59):
    """The 59 classes; background, label 0 of the same files, is ignored.

    Args:
        split: As in :class:`Context60Dataset`.
        ann_file: As in :class:`Context60Dataset`.
        data_prefix: As in :class:`Context60Dataset`.
        kwargs: As in MMSegmentation's ``PascalContextDataset59``.

    Raises:
        ValueError: As in :class:`Context60Dataset`.
    """

    def __init__(
        self, split: str | None = None, ann_file: str | None = None, *, data_prefix: dict | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**_list_and_prefix(split, ann_file, data_prefix), **kwargs)
