"""``mmseg-gen synthesize``: write a data set of generated images and masks from a config."""

from __future__ import annotations

import argparse

from mmseg_gen.engine.config_file import add_config_options
from mmseg_gen.engine.launch import LAUNCHERS, load_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    parser.add_argument('config', help='config with a `synthesis` section')
    parser.add_argument(
        '--resume',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='go on with a folder that has samples (the default); --no-resume refuses one',
    )
    parser.add_argument('--work-dir', help='folder of the data set; default: `synthesis.output` of the config')
    add_config_options(parser)
    started = parser.add_mutually_exclusive_group()
    started.add_argument('--launcher', choices=LAUNCHERS, default='none', help='how processes are started')
    started.add_argument('--ray', type=int, metavar='TASKS', help='work in so many tasks of a Ray cluster')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by the launcher')


def run(args: argparse.Namespace) -> int:
    """Make the data set and return 0 when it is complete; ``--work-dir`` is its folder, else ``synthesis.output``."""
    cfg = load_config(args)
    if args.ray is not None:
        from mmseg_gen.engine.ray_tasks import synthesize_with_ray

        synthesize_with_ray(cfg, args.work_dir, args.ray, resume=args.resume)
        return 0

    from mmseg_gen.engine.launching import launched_worker
    from mmseg_gen.engine.synthesis import synthesize

    synthesize(cfg, args.work_dir, resume=args.resume, worker=launched_worker(args.launcher))
    return 0
