"""Merge CelebAMask-HQ's files of single parts into label maps of 19 classes, or go on with it."""

import argparse
import sys
from collections.abc import Sequence

from mmseg_gen.errors import run_reporting


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('root', help='folder CelebAMask-HQ; the label maps go to CelebAMask-HQ-mask in it')
    args = parser.parse_args(argv)
    return run_reporting('celebamask_hq.py', lambda: _run(args))


def _run(args: argparse.Namespace) -> None:
    from mmseg_gen.datasets.converters.celebamask import convert_celebamask

    done = convert_celebamask(args.root)
    sys.stdout.write(f'{args.root}: {done.written} label maps written, {done.kept} were there\n')


if __name__ == '__main__':
    sys.exit(main())
