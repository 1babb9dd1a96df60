"""Runs of one process that start within one second keep their scores, logs and pictures apart."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner

from mmseg_gen.engine.run_name import name_run

pytestmark = pytest.mark.filterwarnings('ignore::UserWarning')


class Answer(BaseModel):
    def forward(self, inputs, mode):
        return [inputs]


class Score(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results.append(1.0)

    def compute_metrics(self, results):
        return {'score': sum(results)}


def run_test(folder, score):
    config = Config(dict(visualizer=dict(type='Visualizer', name='visualizer'), test_cfg=dict()))
    name_run(config, 'config')
    runner = Runner(
        Answer(), str(folder), experiment_name=config.experiment_name, visualizer=config.visualizer,
        test_dataloader=torch.utils.data.DataLoader([dict(inputs=0.0)]), test_cfg=config.test_cfg,
        test_evaluator=Score(prefix=score), default_scope='mmseg', log_level='ERROR',
        default_hooks=dict(checkpoint=None),
    )  # fmt: skip
    runner.test()
    logged = runner.message_hub.log_scalars
    return runner, {key for key in logged if key.startswith('test/')}


def test_the_second_run_within_a_second_has_its_own_scores_and_visualizer(tmp_path, monkeypatch):
    stopped = SimpleNamespace(time=lambda: 0.0, strftime=time.strftime, localtime=time.localtime)
    monkeypatch.setattr('mmengine.runner.runner.time', stopped)
    first, first_scores = run_test(tmp_path / 'a', 'one')
    second, second_scores = run_test(tmp_path / 'b', 'two')
    assert first.timestamp == second.timestamp
    assert {key for key in first_scores if 'time' not in key} == {'test/one/score'}
    assert {key for key in second_scores if 'time' not in key} == {'test/two/score'}
    assert first.visualizer is not second.visualizer
    assert first.logger is not second.logger
