"""Metrics: registered classes that accumulate; their formulas are in :mod:`mmseg_gen.functional`."""

from __future__ import annotations

from .binary_iou_metric import BinaryIoUMetric
from .boundary_metric import BoundaryMetric
from .class_iou_metric import ClassIoUMetric
from .feature_extractors import ClipFeatures, NetworkFeatures, TorchScriptFeatures
from .frechet_metric import FrechetDistance
from .localization_metric import LocalizationMetric
from .saliency_metric import SaliencyMetric
from .stratified_metric import StratifiedImprovementMetric
from .trimap_iou_metric import TrimapIoUMetric

__all__ = [
    'BinaryIoUMetric',
    'BoundaryMetric',
    'ClassIoUMetric',
    'ClipFeatures',
    'FrechetDistance',
    'LocalizationMetric',
    'NetworkFeatures',
    'SaliencyMetric',
    'StratifiedImprovementMetric',
    'TorchScriptFeatures',
    'TrimapIoUMetric',
]
