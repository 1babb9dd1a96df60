"""Refiners of segmentations: G4Seg and the methods that it is compared with."""

from __future__ import annotations

from .contract import Refinement, Refiner, hard_labels
from .extractors import ClipValues, Colors, DiffusionMaps, LatentMaps, PatchModel, Positions, Stacked
from .g4seg import G4Seg
from .refined_segmentor import RefinedEncoderDecoder, RefinementMixin
from .rivals import PAMR, BilateralSolver, CascadePSP, ColorCut, DenseCRF, GuidedFilter, RefinerChain

__all__ = [
    'PAMR',
    'BilateralSolver',
    'CascadePSP',
    'ClipValues',
    'ColorCut',
    'Colors',
    'DenseCRF',
    'DiffusionMaps',
    'G4Seg',
    'GuidedFilter',
    'LatentMaps',
    'PatchModel',
    'Positions',
    'RefinedEncoderDecoder',
    'Refinement',
    'RefinementMixin',
    'Refiner',
    'RefinerChain',
    'Stacked',
    'hard_labels',
]
