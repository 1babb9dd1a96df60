"""MMSegmentation's own registries, so that any config finds our components by bare name, and two more."""

from __future__ import annotations

from mmseg_gen import compat

compat.apply()

# After `apply`: an unsupported mmcv would otherwise end in MMSegmentation's own assertion.
from mmengine.registry import Registry
from mmseg.registry import DATASETS, HOOKS, INFERENCERS, LOOPS, METRICS, MODELS, TRANSFORMS, VISUALIZERS

# With a scope of their own, every build under `default_scope='mmseg'` would log a warning.
GENERATORS = Registry('generator', scope='mmseg', locations=['mmseg_gen.generators'])
REFINERS = Registry('refiner', scope='mmseg', locations=['mmseg_gen.refiners'])
FEATURE_EXTRACTORS = Registry('feature extractor', scope='mmseg', locations=['mmseg_gen.refiners'])

__all__ = [
    'DATASETS',
    'FEATURE_EXTRACTORS',
    'GENERATORS',
    'HOOKS',
    'INFERENCERS',
    'LOOPS',
    'METRICS',
    'MODELS',
    'REFINERS',
    'TRANSFORMS',
    'VISUALIZERS',
]
