"""A small resumable training loop: AdamW, warm-up and final decay, EMA weights, checkpoints and a CSV of the loss."""

from __future__ import annotations

import csv
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoopSettings:
    """Length and pace of one stage.

    Attributes:
        steps: Optimiser steps in all.
        learning_rate: Peak, reached after ``warmup`` steps and held until the last fifth, which decays to 2 %. A
            longer run can so be resumed from a shorter one before its decay.
        save_every: Steps between checkpoints.
        max_seconds: The stage decays early so that it ends in about this time; None trains all ``steps``.
    """

    steps: int
    learning_rate: float
    warmup: int = 200
    save_every: int = 500
    log_every: int = 50
    max_seconds: float | None = None
    weight_decay: float = 0.01
    ema_decay: float = 0.999


def learning_rate_factor(progress: float, step: int, warmup: int) -> float:
    """Return the factor on the peak rate: linear warm-up, plateau, cosine decay to 2 % over the last 35 %."""
    decay = max(0.0, (progress - 0.65) / 0.35)
    return min(1.0, (step + 1) / warmup) * (0.02 + 0.98 * 0.5 * (1 + float(torch.cos(torch.tensor(decay * torch.pi)))))


class TrainingLoop:
    """Minimise ``loss(generator) -> scalar`` over the parameters of ``module`` and keep its average weights.

    The state (weights, average, optimiser, step, time, random state) is saved to ``folder/state.pt`` under a temporary
    name and renamed, so a run stopped at any instant resumes from its last checkpoint.
    """

    def __init__(
        self, module: nn.Module, loss: Callable[[torch.Generator], Tensor], folder: Path, settings: LoopSettings
    ):
        self.module, self.loss, self.folder, self.settings = module, loss, folder, settings
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.parameters, settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        self.average = [p.detach().clone() for p in self.parameters]
        self.generator = torch.Generator().manual_seed(0)
        self.step, self.seconds, self.smoothed = 0, 0.0, 0.0
        folder.mkdir(parents=True, exist_ok=True)

    def save(self) -> None:
        """Write the state atomically."""
        state = dict(
            module=self.module.state_dict(), average=self.average, optimizer=self.optimizer.state_dict(),
            step=self.step, seconds=self.seconds, smoothed=self.smoothed, generator=self.generator.get_state(),
        )  # fmt: skip
        partial = self.folder / 'state.pt.partial'
        torch.save(state, partial)
        os.replace(partial, self.folder / 'state.pt')

    def resume(self) -> bool:
        """Load the last checkpoint if there is one; return whether there was."""
        path = self.folder / 'state.pt'
        if not path.is_file():
            return False
        device = self.parameters[0].device
        state = torch.load(path, map_location=device, weights_only=True)
        self.module.load_state_dict(state['module'])
        self.average = state['average']
        self.optimizer.load_state_dict(state['optimizer'])
        self.generator.set_state(state['generator'].cpu())
        self.step, self.seconds, self.smoothed = state['step'], state['seconds'], state['smoothed']
        return True

    @torch.no_grad()
    def use_average(self) -> None:
        """Replace the weights by their running average."""
        for parameter, average in zip(self.parameters, self.average, strict=False):
            parameter.copy_(average)

    def _progress(self) -> float:
        limit = self.settings.max_seconds
        return max(self.step / self.settings.steps, self.seconds / limit if limit else 0.0)

    def _update(self) -> float:
        rate = self.settings.learning_rate * learning_rate_factor(self._progress(), self.step, self.settings.warmup)
        for group in self.optimizer.param_groups:
            group['lr'] = rate
        loss = self.loss(self.generator)
        if not torch.isfinite(loss):
            raise RuntimeError(
                f'The loss is {loss.item()} at step {self.step}; the last good checkpoint is kept in {self.folder}. '
                'Resume with a smaller learning rate.'
            )
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        decay = min(self.settings.ema_decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.parameters, 1 - decay)
        return loss.item()

    def run(self) -> None:
        """Train to the end of the settings, logging to ``loss.csv`` and to the logger."""
        with open(self.folder / 'loss.csv', 'a', newline='') as file:
            writer = csv.writer(file)
            while self._progress() < 1:
                start = time.monotonic()
                value = self._update()
                self.step += 1
                self.seconds += time.monotonic() - start
                self.smoothed = value if self.step == 1 else 0.98 * self.smoothed + 0.02 * value
                if self.step % self.settings.log_every == 0:
                    writer.writerow([self.step, round(self.seconds, 1), round(self.smoothed, 5)])
                    file.flush()
                    logger.info('%s step %d loss %.4f, %.3f s/step, %.0f %% done', self.folder.name, self.step,
                                self.smoothed, self.seconds / self.step, 100 * self._progress())  # fmt: skip
                if self.step % self.settings.save_every == 0:
                    self.save()
        self.save()
