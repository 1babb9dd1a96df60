"""Register every component with MMSegmentation; configs name this module in ``custom_imports``."""

from __future__ import annotations

from mmseg_gen import datasets, evaluation, models, registry

__all__ = ['datasets', 'evaluation', 'models', 'registry']
