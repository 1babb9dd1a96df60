"""Register every component with MMSegmentation; configs name this module in ``custom_imports``."""

from __future__ import annotations

from mmseg_gen import datasets, evaluation, models, refiners, registry
from mmseg_gen.engine import diffusion_style_pairs, hooks, style_pairs
from mmseg_gen.generators import detection, written_prompts

__all__ = [
    'datasets',
    'detection',
    'diffusion_style_pairs',
    'evaluation',
    'hooks',
    'models',
    'refiners',
    'registry',
    'style_pairs',
    'written_prompts',
]
