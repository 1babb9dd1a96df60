"""Train a segmentor from a config, on its synthetic data set. Arguments as in MMSegmentation."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_gen.engine.launch import (
    add_runner_arguments,
    known_types_only,
    leaf_datasets,
    load_config,
    missing_samples,
    require_data,
    synthetic_set,
)
from mmseg_gen.engine.launching import launched_worker, use_processors
from mmseg_gen.engine.run_name import name_run
from mmseg_gen.errors import UserError, run_reporting

if TYPE_CHECKING:
    from mmengine.config import Config


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--resume', action='store_true', help='go on from the last checkpoint in the work folder')
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision; needs a CUDA device')
    parser.add_argument('--synthesize', action='store_true', help="make the config's synthetic set first if missing")
    add_runner_arguments(parser)
    return parser.parse_args(argv)


def use_amp(cfg: Config) -> None:
    """Switch the config to mixed precision.

    Raises:
        UserError: There is no CUDA device, or the config has an optimizer wrapper of its own.
    """
    import torch

    if not torch.cuda.is_available():
        raise UserError('Expected a CUDA device for --amp, but found none; leave --amp out to train in float32.')
    kind = cfg.optim_wrapper.type
    if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise UserError(f'Expected `optim_wrapper.type` to be OptimWrapper for --amp, but got {kind}.')
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def check_length(cfg: Config) -> None:
    """Check that there is something to train: MMEngine ends at once, as if all were well, where there is not.

    Raises:
        UserError: The number of iterations or epochs is below 1.
    """
    for name in ('max_iters', 'max_epochs'):
        value = (cfg.get('train_cfg') or {}).get(name)
        if isinstance(value, int) and value < 1:
            raise UserError(f'Expected `train_cfg.{name}` of at least 1, but got {value}.')


def prepare_synthetic_set(cfg: Config, args: argparse.Namespace) -> None:
    """Make or complete the synthetic set with --synthesize; otherwise stop where there is none.

    Raises:
        UserError: The set is missing and --synthesize was not given; or it was, and the training reads no set of the
            config's ``synthesis``, or the one that is there was made with other settings.
    """
    folder = synthetic_set(cfg)
    if args.synthesize:
        from mmseg_gen.engine.synthesis import synthesize

        if folder is None:
            raise _not_the_set(cfg)
        synthesize(cfg, worker=launched_worker(args.launcher))
        return
    missing, command = missing_samples(cfg), f'python tools/synthesize.py {shlex.quote(args.config)}'
    if not missing:
        return
    if missing == cfg.synthesis.num_samples:
        raise UserError(
            f'Expected the synthetic data set in {folder}, but there is none. Make it with `{command}`, or '
            'add --synthesize.'
        )
    from mmengine.logging import print_log

    print_log(
        f'{folder} lacks {missing} of {cfg.synthesis.num_samples} samples; `{command}` completes it.',
        'current',
    )


def _not_the_set(cfg: Config) -> UserError:
    loader, output = cfg.get('train_dataloader'), (cfg.get('synthesis') or {}).get('output')
    roots = [str(dataset.get('data_root')) for dataset in leaf_datasets(loader.dataset)] if loader else []
    return UserError(
        f'Expected the `data_root` of `train_dataloader` to be `synthesis.output` = {output} for --synthesize, but got '
        f'{", ".join(roots) or None}; set both to one folder, or leave --synthesize out.'
    )


def train(args: argparse.Namespace) -> None:
    """Build the runner from the config and train."""
    cfg = load_config(args)
    from mmengine.runner import Runner
    from mmseg.registry import RUNNERS

    if args.amp:
        use_amp(cfg)
    cfg.resume = args.resume
    check_length(cfg)
    with known_types_only():
        prepare_synthetic_set(cfg, args)
        require_data(cfg, 'train_dataloader')
        if cfg.get('val_dataloader') is not None:
            require_data(cfg, 'val_dataloader')
        use_processors(cfg)
        name_run(cfg, cfg.get('experiment_name') or Path(args.config).stem)
        runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
        runner.train()


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    return run_reporting('train.py', lambda: train(args))


if __name__ == '__main__':
    sys.exit(main())
