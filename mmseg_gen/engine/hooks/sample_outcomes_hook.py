"""Count how the samples of concept distillation came about."""

from __future__ import annotations

from typing import Any

import torch
from mmengine import dist
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_gen.datasets.concept import SAMPLE_OUTCOMES
from mmseg_gen.registry import HOOKS

COUNTS = 'sample_outcomes'


@HOOKS.register_module()
class SampleOutcomesHook(Hook):
    """Keep the numbers of samples by outcome, over all processes, in the message hub: checkpoints hold them."""

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Count a batch of ``ConceptDataset``."""
        found = torch.bincount(data_batch['outcomes'], minlength=len(SAMPLE_OUTCOMES))
        dist.all_reduce(found, 'sum')
        before = sample_counts(runner)
        now = {name: before.get(name, 0) + n for name, n in zip(SAMPLE_OUTCOMES, found.tolist(), strict=True)}
        runner.message_hub.update_info(COUNTS, now)


def sample_counts(runner: Runner) -> dict[str, int]:
    """Return the numbers of samples by outcome so far; empty before the first."""
    return dict(runner.message_hub.runtime_info.get(COUNTS, {}))
