"""A hook that keeps the predicted masks of a test run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mmengine.hooks import Hook


class PredictionCollector(Hook):
    """Collect every test image's predicted foreground, bool ``(H, W)``, by the stem of its file."""

    def __init__(self) -> None:
        self.masks: dict[str, np.ndarray] = {}

    def after_test_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        """Keep the labels above 0 of each sample."""
        for sample in outputs or ():
            self.masks[Path(sample.img_path).stem] = sample.pred_sem_seg.data[0].cpu().numpy() > 0
