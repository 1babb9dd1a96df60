"""Refinement inside MMSegmentation's test tool, before the metrics see a prediction."""

from __future__ import annotations

from types import MethodType
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.models.segmentors import SegTTAModel
from torch import nn

from mmseg_gen.models.segmentors.mean_tta import MeanTTAModel
from mmseg_gen.refiners.contract import Refiner
from mmseg_gen.refiners.data_samples import refine_samples
from mmseg_gen.registry import HOOKS, REFINERS


@HOOKS.register_module()
class RefinementHook(Hook):
    """Refines every prediction of a test run, of any segmentor.

    Metrics are computed before ``after_test_iter``, so the model's ``test_step`` is wrapped for the length of the run.
    With ``--tta`` the merged prediction is refined, also that of MMSegmentation's own ``SegTTAModel``, which merges
    labels only and is made to merge probabilities for the run.

    Args:
        refiner: Config of a refiner, or a refiner.
        on_val: Refine in validation runs too.
    """

    priority = 'NORMAL'

    def __init__(self, refiner: dict | Refiner, on_val: bool = False):
        self.refiner = REFINERS.build(dict(refiner)) if isinstance(refiner, dict) else refiner
        self.on_val = on_val

    def before_test(self, runner: Runner) -> None:
        """Begin to refine."""
        self._wrap(runner.model, 'test_step', runner.test_loop.dataloader.dataset)

    def after_test(self, runner: Runner) -> None:
        """Give the model back as it was."""
        self._unwrap(runner.model, 'test_step')

    def before_val(self, runner: Runner) -> None:
        """Begin to refine where asked to."""
        if self.on_val:
            self._wrap(runner.model, 'val_step', runner.val_loop.dataloader.dataset)

    def after_val(self, runner: Runner) -> None:
        """Give the model back as it was."""
        if self.on_val:
            self._unwrap(runner.model, 'val_step')

    def _wrap(self, model: nn.Module, name: str, dataset: Any) -> None:
        self._unwrap(model, name)
        bare, classes = _bare(model), dataset.metainfo.get('classes')
        if isinstance(bare, SegTTAModel) and not isinstance(bare, MeanTTAModel):
            bare.merge_preds = MethodType(MeanTTAModel.merge_preds, bare)
            bare._merge = MethodType(MeanTTAModel._merge, bare)
        head = getattr(getattr(bare, 'module', bare), 'decode_head', None)
        threshold = getattr(head, 'threshold', None) or 0.5
        # The outermost model: behind it, in distributed runs, the wrapper's own step.
        predict = getattr(model, name)
        setattr(model, name, lambda data: refine_samples(self.refiner, predict(data), classes, threshold))

    def _unwrap(self, model: nn.Module, name: str) -> None:
        # Instance attributes hide the class's methods, so deleting them restores those.
        model.__dict__.pop(name, None)
        for own in ('merge_preds', '_merge'):
            _bare(model).__dict__.pop(own, None)


def _bare(model: nn.Module) -> nn.Module:
    return model.module if is_model_wrapper(model) else model
