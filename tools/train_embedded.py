"""Train the embedded models: autoencoder, CLIP and text-to-image UNet, on rendered scenes or captioned photographs.

Resumes by itself from the checkpoints in ``--work-dir``; the finished pipeline lies in ``--work-dir/pipeline``.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_gen.errors import UserError, check_counts, run_reporting

STAGES = ['vae', 'clip', 'clip_vision', 'unet']
NEEDS = {'clip_vision': 'clip', 'unet': 'vae'}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/embedded'), help='checkpoints, logs, the result'
    )
    parser.add_argument('--data', type=Path, help='folder with captions.jsonl; default: rendered scenes')
    parser.add_argument('--scenes', type=int, default=24000, help='number of rendered scenes')
    parser.add_argument('--stages', nargs='+', default=STAGES, choices=STAGES)
    parser.add_argument('--vae-steps', type=int, default=4000)
    parser.add_argument('--clip-steps', type=int, default=1000)
    parser.add_argument('--clip-vision-steps', type=int, default=2500, help='more of CLIP with its text tower frozen')
    parser.add_argument('--unet-steps', type=int, default=20000)
    parser.add_argument('--unet-minutes', type=float, help='end the UNet stage after about this time')
    parser.add_argument('--batch', type=int, default=32)
    parser.add_argument('--device', default=None, help='default: cuda where there is one, else cpu')
    parser.add_argument('--compile', action='store_true', help='torch.compile the UNet: minutes to start, 1.3x after')
    parser.add_argument('--init', type=Path, help='pipeline folder whose UNet the training starts from')
    parser.add_argument('--export', type=Path, help='write the pipeline there in float16 with checksums when done')
    return parser.parse_args(argv)


def check_stages(stages: Sequence[str], pipeline: Path) -> None:
    """Check that what a stage builds on is trained, or will be.

    Raises:
        UserError: It is not.
    """
    for stage, base in NEEDS.items():
        if stage in stages and base not in stages and not (pipeline / base).is_dir():
            raise UserError(
                f'Expected {pipeline / base}, on which the stage {stage} builds; run --stages {base} first.'
            )


def train(args: argparse.Namespace) -> None:
    """Train, and export where asked to."""
    check_stages(args.stages, args.work_dir / 'pipeline')
    check_counts(args, 'scenes', 'vae_steps', 'clip_steps', 'clip_vision_steps', 'unet_steps', 'batch')
    from mmseg_gen.generators.parts import checked_device

    if args.device is not None:
        checked_device(args.device)
    logging.basicConfig(level=logging.INFO, format='%(asctime)s %(message)s')
    from mmseg_gen.generators.embedded.recipe import export_pipeline, train_embedded

    folder = train_embedded(args)
    if args.export is not None:
        export_pipeline(folder, args.export)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    return run_reporting('train_embedded.py', lambda: train(args))


if __name__ == '__main__':
    sys.exit(main())
