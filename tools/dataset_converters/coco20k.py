"""Cut the images of a list out of COCO's instances JSON: COCO20k out of instances_train2014.json."""

import argparse
import sys
from collections.abc import Sequence

from mmseg_gen.errors import run_reporting


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('instances', help='annotations/instances_train2014.json')
    parser.add_argument('list', help='an image name a line: annotations/coco_20k_filenames.txt')
    parser.add_argument('output', help='JSON to write: annotations/instances_train2014_sel20k.json')
    args = parser.parse_args(argv)
    return run_reporting('coco20k.py', lambda: _run(args))


def _run(args: argparse.Namespace) -> None:
    from mmseg_gen.datasets.converters.coco_subset import convert_coco_subset

    images, annotations = convert_coco_subset(args.instances, args.list, args.output)
    sys.stdout.write(f'{args.output}: {images} images, {annotations} annotations\n')


if __name__ == '__main__':
    sys.exit(main())
