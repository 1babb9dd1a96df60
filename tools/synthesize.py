"""Make a data set of generated images and masks from a config, or go on with it."""

import argparse
import sys
from collections.abc import Sequence

from mmseg_gen.cli.synthesize import add_arguments, run
from mmseg_gen.errors import run_reporting


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    args = parser.parse_args(argv)
    return run_reporting('synthesize.py', lambda: run(args))


if __name__ == '__main__':
    sys.exit(main())
