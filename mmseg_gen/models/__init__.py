"""Models: thin classes registered with MMSegmentation; mathematics is in `functional` and `generators`."""

from __future__ import annotations

from .backbones import ClipBackbone, DiffusionBackbone
from .decode_heads import DiffusionFCNHead
from .distillers import ConceptDistiller
from .segmentors import AttentionCutSegmentor, MeanTTAModel

__all__ = [
    'AttentionCutSegmentor',
    'ClipBackbone',
    'ConceptDistiller',
    'DiffusionBackbone',
    'DiffusionFCNHead',
    'MeanTTAModel',
]
