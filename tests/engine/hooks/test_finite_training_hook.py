"""A training that turns to NaN stops with one sentence and leaves a good checkpoint."""

from __future__ import annotations

import pytest
import torch
from mmengine.hooks import Hook

from mmseg_gen.compat import load_checkpoint_file
from mmseg_gen.engine.distillation import distill
from mmseg_gen.errors import UserError, run_reporting
from mmseg_gen.registry import HOOKS
from tests.engine.concept_run import distillation_config, write_preliminary
from tests.tiny_models import save_tiny


@HOOKS.register_module(force=True)
class SpoilWeights(Hook):
    """Put a NaN into the weights before or after an iteration."""

    def __init__(self, iteration: int, after: bool):
        self.iteration, self.after = iteration, after

    def _spoil(self, runner, wanted):
        if runner.iter + 1 == self.iteration and wanted:
            with torch.no_grad():
                runner.model.unet.conv_out.bias[0] = float('nan')

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self._spoil(runner, not self.after)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self._spoil(runner, self.after)


@pytest.fixture(scope='module')
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp('world')
    save_tiny(folder / 'model')
    write_preliminary(folder)
    return folder


def spoilt_config(world, work_dir, **spoil):
    config = distillation_config(world, work_dir, str(world / 'model'))
    config.custom_hooks.append(dict(type='SpoilWeights', **spoil))
    return config


def all_finite(checkpoint) -> bool:
    state = load_checkpoint_file(str(checkpoint))
    return all(torch.isfinite(v).all() for key in ('state_dict', 'ema_state_dict') for v in state[key].values())


def test_a_nan_loss_stops_the_training(world, tmp_path, capsys):
    config = spoilt_config(world, tmp_path, iteration=5, after=False)
    assert run_reporting('distill.py', lambda: distill(config) and None) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    kept = tmp_path / 'distilled' / 'iter_4.pth'
    assert message.startswith('distill.py: error: Expected the training to stay finite, but the loss is not finite')
    assert f'at iteration 5; the last good checkpoint is kept: {kept}. Go on from it' in message
    assert all_finite(kept)
    assert not list(tmp_path.glob('distilled/iter_[56].pth'))
    assert not (tmp_path / 'distilled' / 'generator').exists()


def test_nan_weights_after_a_finite_loss_are_not_saved(world, tmp_path):
    config = spoilt_config(world, tmp_path, iteration=4, after=True)
    with pytest.raises(UserError, match=r'unet.conv_out.bias is not finite .*iter_2.pth'):
        distill(config)
    assert all_finite(tmp_path / 'distilled' / 'iter_2.pth')
    assert not (tmp_path / 'distilled' / 'iter_4.pth').exists()


def test_before_the_first_checkpoint_it_says_so(world, tmp_path):
    with pytest.raises(UserError, match='at iteration 1; there is no checkpoint yet'):
        distill(spoilt_config(world, tmp_path, iteration=1, after=False))
