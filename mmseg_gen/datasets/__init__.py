"""Data sets: one file per benchmark, the generated set, and the transforms that label."""

from __future__ import annotations

from . import transforms
from .celebamask_hq import CelebAMaskHQDataset, CelebAMaskHQHeadDataset
from .coco20k import COCO20kDataset
from .coco_object import COCOObjectDataset
from .context import Context59Dataset, Context60Dataset
from .cub import CUBDataset
from .dut_omron import DUTOMRONDataset
from .duts import DUTSDataset
from .ecssd import ECSSDDataset
from .folder import FolderDataset
from .human36m import Human36MDataset
from .labelled_scenes import LabelledScenesDataset
from .ms_cxr import MSCXRDataset
from .stanford_cars import StanfordCarsDataset
from .stanford_dogs import StanfordDogsDataset
from .synthetic import SyntheticDataset
from .voc import VOCDataset

__all__ = [
    'COCO20kDataset',
    'COCOObjectDataset',
    'CUBDataset',
    'CelebAMaskHQDataset',
    'CelebAMaskHQHeadDataset',
    'Context59Dataset',
    'Context60Dataset',
    'DUTOMRONDataset',
    'DUTSDataset',
    'ECSSDDataset',
    'FolderDataset',
    'Human36MDataset',
    'LabelledScenesDataset',
    'MSCXRDataset',
    'StanfordCarsDataset',
    'StanfordDogsDataset',
    'SyntheticDataset',
    'VOCDataset',
    'transforms',
]
