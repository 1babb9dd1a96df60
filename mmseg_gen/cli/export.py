"""``mmseg-gen export``: a generated data set in the format of PASCAL VOC, COCO or YOLO."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

FORMATS = ('voc', 'coco', 'yolo')
INSTANCES = ('component', 'class')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``export``."""
    parser.add_argument('directory', type=Path, metavar='DIR', help='data set that `mmseg-gen synthesize` wrote')
    parser.add_argument('--format', required=True, choices=FORMATS)
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder to write: new or empty')
    parser.add_argument('--val-share', type=float, default=0.0, metavar='S', help='share in the split val, in [0, 1)')
    parser.add_argument('--classes', nargs='+', metavar='NAME', help='classes in the order of their ids')
    parser.add_argument(
        '--mask-classes',
        nargs='+',
        metavar='NAME',
        help='names of the values 0, 1, ... of index masks; default: as the set says',
    )
    parser.add_argument(
        '--instances', choices=INSTANCES, default='component', help='what an object is (default %(default)s)'
    )
    parser.add_argument('--min-area', type=int, default=1, metavar='N', help='leave out objects below N pixels')
    parser.add_argument(
        '--drop-uncertain-share', type=float, metavar='S', help='share left out; default: as the set was made'
    )
    parser.add_argument('--workers', type=int, metavar='N', help='processes; default: one for each core')
    parser.add_argument('--resume', action='store_true', help='complete an export that was begun')


def run(args: argparse.Namespace) -> int:
    """Export the set and say what was written."""
    from mmseg_gen.engine.export import ExportSettings, export_data_set

    settings = ExportSettings(
        format=args.format,
        classes=tuple(args.classes) if args.classes else None,
        mask_classes=tuple(args.mask_classes) if args.mask_classes else None,
        val_share=args.val_share,
        instances=args.instances,
        min_area=args.min_area,
        drop_uncertain_share=args.drop_uncertain_share,
    )
    report = export_data_set(args.directory, args.out, settings, resume=args.resume, workers=args.workers)
    sys.stdout.write(
        f'{report.samples} samples ({report.validation} for validation) with {report.objects} objects of '
        f'{len(report.classes)} classes in {report.out}\n'
    )
    return 0
