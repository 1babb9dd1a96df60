"""Transforms: one file per pseudo-labeller and per loader."""

from __future__ import annotations

from .attention_cut_label import AttentionCutLabel
from .boxes_as_mask import BoxesAsMask
from .load_binary_mask import LoadBinaryMask
from .load_evidence import LoadEvidence
from .load_labels import LoadLabels
from .scene_cut_label import SceneCutLabel

__all__ = ['AttentionCutLabel', 'BoxesAsMask', 'LoadBinaryMask', 'LoadEvidence', 'LoadLabels', 'SceneCutLabel']
