"""Turn COCO's instances JSON into label maps of 80 classes and background, or go on with it."""

import argparse
import sys
from collections.abc import Sequence

from mmseg_gen.errors import run_reporting


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('instances', help='annotations/instances_val2017.json, for instance')
    parser.add_argument('output', help='folder of the label maps: object_labels/val2017, for instance')
    args = parser.parse_args(argv)
    return run_reporting('coco_object.py', lambda: _run(args))


def _run(args: argparse.Namespace) -> None:
    from mmseg_gen.datasets.converters.coco_object import convert_coco_object

    done = convert_coco_object(args.instances, args.output)
    sys.stdout.write(f'{args.output}: {done.written} label maps written, {done.kept} were there\n')


if __name__ == '__main__':
    sys.exit(main())
