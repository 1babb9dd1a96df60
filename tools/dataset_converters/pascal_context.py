"""Turn Pascal Context's annotations, .mat files or trainval_merged.json, into label maps of 59 classes."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_gen.errors import run_reporting


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('annotations', help='folder of .mat files, or trainval_merged.json')
    parser.add_argument('voc2010', help='VOCdevkit/VOC2010: label maps and lists go there')
    args = parser.parse_args(argv)
    return run_reporting('pascal_context.py', lambda: _run(args))


def _run(args: argparse.Namespace) -> None:
    from mmseg_gen.datasets.converters.context import convert_context_json, convert_context_mats

    convert = convert_context_mats if Path(args.annotations).is_dir() else convert_context_json
    done = convert(args.annotations, args.voc2010)
    sys.stdout.write(f'{args.voc2010}: {done.written} label maps written, {done.kept} were there\n')


if __name__ == '__main__':
    sys.exit(main())
