"""Register every component with MMSegmentation; configs name this module in ``custom_imports``."""

from __future__ import annotations

from mmseg_gen import datasets, evaluation, models, refiners, registry
from mmseg_gen.engine import hooks

__all__ = ['datasets', 'evaluation', 'hooks', 'models', 'refiners', 'registry']
