"""Data sets: one file per benchmark, the generated set, and the transforms that label."""

from __future__ import annotations

from . import annotated_boxes, transforms
from .celebamask_hq import CelebAMaskHQDataset, CelebAMaskHQHeadDataset
from .coco20k import COCO20kDataset
from .coco_object import COCOObjectDataset
from .concept import ConceptDataset
from .context import Context59Dataset, Context60Dataset
from .cub import CUBDataset
from .draw_sampler import DrawSampler
from .dut_omron import DUTOMRONDataset
from .duts import DUTSDataset
from .ecssd import ECSSDDataset
from .folder import FolderDataset
from .human36m import Human36MDataset
from .labelled_photos import LabelledPhotosDataset
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
    'ConceptDataset',
    'Context59Dataset',
    'Context60Dataset',
    'DUTOMRONDataset',
    'DUTSDataset',
    'DrawSampler',
    'ECSSDDataset',
    'FolderDataset',
    'Human36MDataset',
    'LabelledPhotosDataset',
    'LabelledScenesDataset',
    'MSCXRDataset',
    'StanfordCarsDataset',
    'StanfordDogsDataset',
    'SyntheticDataset',
    'VOCDataset',
    'annotated_boxes',
    'transforms',
]
