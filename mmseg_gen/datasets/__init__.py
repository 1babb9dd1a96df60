"""Data sets: one file per benchmark, the generated set, and the transforms that label."""

from __future__ import annotations

from . import transforms
from .coco20k import COCO20kDataset
from .coco_object import COCOObjectDataset
from .context import Context59Dataset, Context60Dataset
from .duts import DUTSDataset
from .labelled_scenes import LabelledScenesDataset
from .synthetic import SyntheticDataset
from .voc import VOCDataset

__all__ = [
    'COCO20kDataset',
    'COCOObjectDataset',
    'Context59Dataset',
    'Context60Dataset',
    'DUTSDataset',
    'LabelledScenesDataset',
    'SyntheticDataset',
    'VOCDataset',
    'transforms',
]
