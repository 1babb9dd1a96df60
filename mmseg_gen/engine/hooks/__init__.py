"""Hooks of MMEngine's runner."""

from __future__ import annotations

import mmseg_gen.registry  # noqa: F401  (compatibility first: the hooks import mmseg)

from .checkpoint_fit_hook import CheckpointFitHook
from .finite_training_hook import FiniteTrainingHook
from .refinement_hook import RefinementHook
from .sample_outcomes_hook import SampleOutcomesHook

__all__ = ['CheckpointFitHook', 'FiniteTrainingHook', 'RefinementHook', 'SampleOutcomesHook']
