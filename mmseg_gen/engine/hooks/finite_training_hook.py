"""Stop a training that has turned to NaN, before it spoils a checkpoint."""

from __future__ import annotations

from typing import Any

import torch
from mmengine import dist
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_gen.engine.launch import find_checkpoint
from mmseg_gen.errors import UserError
from mmseg_gen.registry import HOOKS


@HOOKS.register_module()
class FiniteTrainingHook(Hook):
    """Stop in every process at the first iteration whose loss is NaN or infinite in any of them.

    Weights are looked at too, but only before they are saved: a finite loss may have had gradients that are not. So the
    last checkpoint is always a good one.
    """

    # Before EMAHook, CheckpointHook and the loggers.
    priority = 'VERY_HIGH'

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Look at the loss.

        Raises:
            UserError: It is not finite.
        """
        loss = (outputs or {}).get('loss')
        if loss is None:
            return
        finite = torch.isfinite(loss.detach()).all().to(torch.int32)
        dist.all_reduce(finite, 'min')
        if not finite:
            # Which process it is does not matter to the user; its value may be fine here.
            raise UserError(self._advice(runner, f'the loss is not finite at iteration {runner.iter + 1}'))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Look at the weights.

        Raises:
            UserError: One is not finite.
        """
        for name, value in checkpoint['state_dict'].items():
            if value.is_floating_point() and not torch.isfinite(value).all():
                raise UserError(self._advice(runner, f'{name} is not finite at iteration {runner.iter + 1}'))

    def _advice(self, runner: Runner, what: str) -> str:
        try:
            kept = f'the last good checkpoint is kept: {find_checkpoint(runner.work_dir)}'
        except FileNotFoundError:
            kept = 'there is no checkpoint yet'
        return (
            f'Expected the training to stay finite, but {what}; {kept}. Go on from it, or start anew, with a smaller '
            'learning rate, gradient clipping (`optim_wrapper.clip_grad`) or without mixed precision.'
        )
