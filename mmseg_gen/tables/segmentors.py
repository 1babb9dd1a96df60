"""What trained rows share: a generated set that is large enough, and a segmentor trained and asked for its masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def grow_set(config: Any, folder: Path, count: int, spare: int) -> Path:
    """Return ``folder`` with at least ``count`` kept samples of a set, made where missing.

    Samples without a usable mask are dropped, so some more are made at once, then what still lacks.

    Args:
        config: With a ``synthesis`` section, whose ``num_samples`` is set here.
        folder: Of the set.
        count: Samples to train on.
        spare: One more is made for each so many.
    """
    from mmseg_gen.engine.synthesis import synthesize

    wanted = count + -(-count // spare)
    while True:
        config.synthesis.num_samples = wanted
        report = synthesize(config, folder)
        if report.kept >= count:
            return folder
        wanted += max(count - report.kept, 16)


def train_and_predict(config: Any, folder: Path, iterations: int, test_root: Path, count: int) -> np.ndarray:
    """Return a segmentor's masks of the first test images after a training, bool ``(N, H, W)`` by file name.

    An interrupted training goes on from its last checkpoint.

    Args:
        config: Of the segmentor; its training data are in place.
        folder: Of checkpoints and logs.
        iterations: Of the training.
        test_root: Data root of the test set.
        count: N.
    """
    from mmengine.runner import Runner

    from mmseg_gen.engine.prediction_collector import PredictionCollector
    from mmseg_gen.engine.run_name import name_run

    config.work_dir = str(folder)
    name_run(config, folder.name)
    config.resume = True
    config.train_cfg.max_iters = config.train_cfg.val_interval = iterations
    config.param_scheduler[0].end = iterations
    config.test_dataloader.dataset.update(data_root=str(test_root), indices=count)
    runner = Runner.from_cfg(config)
    runner.train()
    collector = PredictionCollector()
    runner.register_hook(collector)
    runner.test()
    return np.stack([collector.masks[stem] for stem in sorted(collector.masks)])
