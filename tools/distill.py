"""Learn what an object is from photos that show it and its word: masks, images, and a segmentor (fobadiffusion)."""

import argparse
import sys
from collections.abc import Sequence

from mmseg_gen.cli.distill import add_arguments, run
from mmseg_gen.errors import run_reporting


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    args = parser.parse_args(argv)
    return run_reporting('distill.py', lambda: run(args))


if __name__ == '__main__':
    sys.exit(main())
