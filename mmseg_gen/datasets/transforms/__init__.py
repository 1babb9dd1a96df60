"""Transforms: one file per pseudo-labeller and per loader."""

from __future__ import annotations

from .attention_cut_label import AttentionCutLabel
from .boxes_as_mask import BoxesAsMask
from .concept_label import ConceptLabel
from .gaussian_mixture_label import GaussianMixtureLabel
from .load_binary_mask import LoadBinaryMask
from .load_evidence import LoadEvidence
from .load_labels import LoadLabels
from .scene_cut_label import SceneCutLabel
from .style_mixing_label import StyleMixingLabel

__all__ = [
    'AttentionCutLabel',
    'BoxesAsMask',
    'ConceptLabel',
    'GaussianMixtureLabel',
    'LoadBinaryMask',
    'LoadEvidence',
    'LoadLabels',
    'SceneCutLabel',
    'StyleMixingLabel',
]
