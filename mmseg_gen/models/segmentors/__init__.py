"""Segmentors and wrappers around them."""

from __future__ import annotations

from .attention_cut_segmentor import AttentionCutSegmentor
from .mean_tta import MeanTTAModel

__all__ = ['AttentionCutSegmentor', 'MeanTTAModel']
