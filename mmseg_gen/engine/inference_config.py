"""Configs of trained models made fit for images without labels."""

from __future__ import annotations

import os
from typing import Any

from mmseg_gen.engine.config_file import read_config
from mmseg_gen.errors import UserError

# What four halvings of an image need.
SIDE_MULTIPLE = 16


def inference_config(path: str | os.PathLike[str]) -> Any:
    """Return the config with a test pipeline that loads an image only: no labels, no evidence.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: It does not load, or has no model or no test pipeline.
    """
    cfg = read_config(path)
    if cfg.get('model') is None or cfg.get('test_dataloader', cfg.get('test_pipeline')) is None:
        raise UserError(f'Expected {path} to have a `model` and a `test_dataloader`, but it lacks one.')
    steps = cfg.get('test_pipeline') or cfg.test_dataloader.dataset.pipeline
    cfg.test_pipeline = [s for s in steps if not s['type'].startswith('Load') or s['type'].startswith('LoadImage')]
    return cfg


def training_side(cfg: Any) -> int | None:
    """Return the side at which a model was trained if its test pipeline does not resize, else None."""
    size = cfg.get('data_preprocessor', {}).get('size')
    if size is None or any('Resize' in step['type'] for step in cfg.test_pipeline):
        return None
    return max(SIDE_MULTIPLE, max(size) // SIDE_MULTIPLE * SIDE_MULTIPLE)
