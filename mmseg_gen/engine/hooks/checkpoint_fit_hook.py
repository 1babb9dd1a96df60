"""Refuse to test a model that its checkpoint does not fit."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_gen.engine.checkpoint_fit import check_fit
from mmseg_gen.registry import HOOKS


@HOOKS.register_module()
class CheckpointFitHook(Hook):
    """Stop where a checkpoint leaves weights of the model unset; ``tools/test.py`` adds it."""

    # After EMAHook, which changes what is loaded.
    priority = 'VERY_LOW'

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare names and shapes.

        Raises:
            UserError: Some are missing or differ.
        """
        check_fit(runner.model, checkpoint, str(runner.cfg.get('load_from') or 'the checkpoint'))
