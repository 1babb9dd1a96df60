"""Generated data sets in the formats other programs read: PASCAL VOC, COCO, YOLO."""

from __future__ import annotations

from .run import ExportReport, export_data_set
from .settings import FORMATS, ExportSettings

__all__ = ['FORMATS', 'ExportReport', 'ExportSettings', 'export_data_set']
