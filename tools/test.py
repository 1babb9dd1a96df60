"""Test a segmentor from a config and a checkpoint. Arguments as in MMSegmentation."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_gen.engine.launch import (
    add_runner_arguments,
    find_checkpoint,
    known_types_only,
    leaf_datasets,
    load_config,
    require_data,
)
from mmseg_gen.engine.launching import use_processors
from mmseg_gen.engine.run_name import name_run
from mmseg_gen.errors import UserError, run_reporting

if TYPE_CHECKING:
    from mmengine.config import Config


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='checkpoint file, or a work folder: its last checkpoint; none for models without parameters',
    )
    parser.add_argument('--out', help='folder for the predicted label maps, one PNG for each image')
    parser.add_argument('--show', action='store_true', help='show the predictions in a window')
    parser.add_argument('--show-dir', help='folder for the painted predictions')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds between windows')
    parser.add_argument('--tta', action='store_true', help='test-time augmentation')
    add_runner_arguments(parser)
    return parser.parse_args(argv)


def draw_predictions(cfg: Config, args: argparse.Namespace) -> None:
    """Switch the visualization hook on, for every image.

    Raises:
        UserError: The config has no such hook.
    """
    hook = cfg.default_hooks.get('visualization')
    if hook is None:
        raise UserError(
            "Expected `default_hooks.visualization=dict(type='SegVisualizationHook')` for --show, but got none."
        )
    hook.update(draw=True, interval=1, show=args.show, wait_time=args.wait_time)
    # The hook asks for the iteration, for which MMEngine would build the training loop and read the training set.
    cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = cfg.param_scheduler = None
    if args.show_dir:
        cfg.visualizer.save_dir = args.show_dir


def use_tta(cfg: Config) -> None:
    """Wrap the model in the config's test-time augmentation.

    Raises:
        UserError: The config has none.
    """
    missing = [name for name in ('tta_model', 'tta_pipeline') if cfg.get(name) is None]
    if missing:
        raise UserError(f'Expected the config to have {" and ".join(missing)} for --tta, but it has not.')
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    cfg.tta_model.module = cfg.model
    cfg.model = cfg.tta_model


def save_predictions(cfg: Config, folder: str) -> None:
    """Have the predicted label maps written, whatever the config's own metrics are.

    Raises:
        UserError: The folder is in the data set, whose own files of these names would be replaced.
    """
    for dataset in leaf_datasets(cfg.test_dataloader.dataset):
        root = Path(dataset.get('data_root') or 'none given').expanduser().resolve()
        if root in (Path(folder).resolve(), *Path(folder).resolve().parents):
            raise UserError(f'Expected --out to be outside the data set in {root}, but got {folder}.')
    metrics = cfg.test_evaluator
    metrics = list(metrics) if isinstance(metrics, (list, tuple)) else [metrics]
    cfg.test_evaluator = [*metrics, dict(type='IoUMetric', format_only=True, output_dir=folder)]


def test(args: argparse.Namespace) -> None:
    """Build the runner from the config, load the checkpoint and test."""
    cfg = load_config(args)
    from mmengine.runner import Runner
    from mmseg.registry import RUNNERS

    from mmseg_gen.engine.hooks import CheckpointFitHook

    cfg.load_from = None if args.checkpoint is None else find_checkpoint(args.checkpoint)
    if args.show or args.show_dir:
        draw_predictions(cfg, args)
    if args.tta:
        use_tta(cfg)
    with known_types_only():
        require_data(cfg, 'test_dataloader')
        if args.out:
            save_predictions(cfg, args.out)
        use_processors(cfg)
        name_run(cfg, cfg.get('experiment_name') or Path(args.config).stem)
        runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
        if args.checkpoint is None and any(True for _ in runner.model.parameters()):
            raise UserError('Expected a checkpoint to test, but got none; tools/train.py writes them.')
        runner.register_hook(CheckpointFitHook())
        runner.test()


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    return run_reporting('test.py', lambda: test(args))


if __name__ == '__main__':
    sys.exit(main())
