"""``mmseg-gen report``: one page about a generated data set, or about labelled photos."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``report``."""
    parser.add_argument('directory', type=Path, metavar='DIR', help='folder of `mmseg-gen synthesize` or `label`')
    parser.add_argument('--out', type=Path, metavar='FILE.html', help='default: DIR_report.html beside DIR')
    parser.add_argument('--max-samples', type=int, default=60, metavar='N', help='with pictures (default %(default)s)')
    parser.add_argument(
        '--curves', nargs='+', type=Path, default=[], metavar='PATH', help='CSV logs or work folders of tools/train.py'
    )


def run(args: argparse.Namespace) -> int:
    """Write the page and say where it is."""
    from mmseg_gen.visualization.report import write_report

    out = write_report(args.directory, args.out, max_samples=args.max_samples, curves=args.curves)
    sys.stdout.write(f'{out} ({out.stat().st_size / 1e6:.1f} MB)\n')
    return 0
