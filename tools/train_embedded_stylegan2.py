"""Train the embedded StyleGAN2 and its residual encoder on the renderer of cats.

Resumes by itself from the checkpoints in ``--work-dir``, where the finished networks lie too.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_gen.errors import check_counts, run_reporting

STAGES = ['mapping', 'structure', 'regions', 'color', 'synthesis', 'encoder']


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/embedded_stylegan2'), help='checkpoints, logs, the result'
    )
    parser.add_argument('--stages', nargs='+', default=STAGES, choices=STAGES)
    parser.add_argument('--mapping-steps', type=int, default=3000)
    parser.add_argument('--structure-steps', type=int, default=1500)
    parser.add_argument('--region-steps', type=int, default=1500)
    parser.add_argument('--color-steps', type=int, default=1000)
    parser.add_argument('--synthesis-steps', type=int, default=20000)
    parser.add_argument('--minutes', type=float, help='end the last two stages each after about this time')
    parser.add_argument('--encoder-steps', type=int, default=6000)
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--device', default=None, help='default: cuda where there is one, else cpu')
    parser.add_argument('--compile', action='store_true', help='torch.compile: 2 minutes to start, 2.5x faster after')
    parser.add_argument('--export', type=Path, help='write both networks there in float16, with checksums')
    return parser.parse_args(argv)


def train(args: argparse.Namespace) -> None:
    """Train, and export where asked to."""
    steps = ('mapping_steps', 'structure_steps', 'region_steps', 'color_steps', 'synthesis_steps', 'encoder_steps')
    check_counts(args, *steps, 'batch')
    logging.basicConfig(level=logging.INFO, format='%(asctime)s %(message)s')
    from mmseg_gen.generators.embedded.stylegan_recipe import export_stylegan2, train_embedded_stylegan2
    from mmseg_gen.generators.parts import checked_device

    if args.device is not None:
        checked_device(args.device)
    model, encoder = train_embedded_stylegan2(args)
    if args.export is not None:
        export_stylegan2(model, encoder, args.export)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    return run_reporting('train_embedded_stylegan2.py', lambda: train(args))


if __name__ == '__main__':
    sys.exit(main())
