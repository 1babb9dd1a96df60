"""Models: thin classes registered with MMSegmentation; mathematics is in `functional` and `generators`."""

from __future__ import annotations

from .backbones import ClipBackbone, DiffusionBackbone
from .decode_heads import DiffusionFCNHead
from .segmentors import MeanTTAModel

__all__ = ['ClipBackbone', 'DiffusionBackbone', 'DiffusionFCNHead', 'MeanTTAModel']
