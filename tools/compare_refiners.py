"""Compare refiners on photographs with masks: the masks are made coarse, refined, and scored against themselves."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_gen.errors import UserError, check_counts, run_reporting


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('images', type=Path, metavar='IMAGES', help='folder of photographs')
    parser.add_argument(
        'masks', type=Path, metavar='MASKS', help='folder of masks of one object each, named as they are'
    )
    parser.add_argument(
        '--refiners',
        nargs='+',
        default=['color-cut', 'dense-crf', 'bilateral-solver', 'guided-filter', 'pamr'],
        metavar='NAME_OR_CONFIG',
        help='as --refiner of mmseg-gen refine; default: those that need no weights',
    )
    parser.add_argument('--class', dest='class_name', default='object', help='what the masks show, for G4Seg')
    parser.add_argument('--generator', default='embedded', help='of G4Seg')
    parser.add_argument('--side', type=int, default=256, help='longer side in pixels (%(default)s)')
    parser.add_argument(
        '--iou', type=float, nargs=2, default=[0.4, 0.8], metavar=('LOW', 'HIGH'), help='of coarse masks'
    )
    parser.add_argument(
        '--part', choices=('all', 'even', 'odd'), default='all', help='to choose on one, report another'
    )
    parser.add_argument('--limit', type=int, help='photographs at most')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', type=Path, metavar='FILE.json', help='where to write the scores')
    return parser.parse_args(argv)


def compare(args: argparse.Namespace, command: str) -> None:
    """Refine every mask by every refiner, and show the mean IoU and the gain, paired, with 95 % intervals."""
    from itertools import islice

    import numpy as np
    from tqdm import tqdm

    from mmseg_gen.cli.refine import build
    from mmseg_gen.evaluation.coarse_photos import coarse_photos
    from mmseg_gen.evaluation.score_file import check_score_file, score_lines, write_scores
    from mmseg_gen.functional.bootstrap import bootstrap_mean_interval
    from mmseg_gen.functional.region_counts import mask_iou
    from mmseg_gen.refiners.contract import BACKGROUND

    check_counts(args, 'side', 'limit')
    check_score_file(args.out)
    if not 0 < args.iou[0] <= args.iou[1] <= 1:
        raise UserError(f'Expected --iou LOW HIGH in (0, 1], but got {args.iou[0]} {args.iou[1]}.')
    wanted = [argparse.Namespace(refiner=name, generator=args.generator, device=None) for name in args.refiners]
    refiners = {own.refiner: build(own) for own in wanted}
    photos = coarse_photos(args.images, args.masks, side=args.side, iou=tuple(args.iou), seed=args.seed)
    first, step = {'all': (0, 1), 'even': (0, 2), 'odd': (1, 2)}[args.part]
    iou: dict[str, list[float]] = {'coarse': [], **{name: [] for name in refiners}}
    for photo in tqdm(islice(photos, first, None, step), total=args.limit, unit='photo', disable=None):
        iou['coarse'].append(mask_iou(photo.probabilities[1] > 0.5, photo.truth))
        for name, refiner in refiners.items():
            result = refiner.refine(photo.image, photo.probabilities, [BACKGROUND, args.class_name])
            iou[name].append(mask_iou(result.labels > 0, photo.truth))
        if len(iou['coarse']) == args.limit:
            break
    if not iou['coarse']:
        raise UserError(
            f'Expected photographs in {args.images} with a mask of an object in {args.masks}, but got none.'
        )
    before = np.array(iou.pop('coarse'))
    values = {'coarse': before}
    for name, found in iou.items():
        values |= {name: np.array(found), f'{name} - coarse': np.array(found) - before}
    metrics = {name: float(v.mean()) for name, v in values.items()}
    intervals = {name: bootstrap_mean_interval(v) for name, v in values.items()}
    if args.out:
        content = {'metrics': metrics, 'intervals': intervals, 'photos': len(before), 'command': command}
        write_scores(args.out, content)
    sys.stdout.write(f'IoU of {len(before)} photographs\n')
    sys.stdout.writelines(score_lines(metrics, intervals))


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    command = shlex.join(['tools/compare_refiners.py', *(sys.argv[1:] if argv is None else argv)])
    return run_reporting('compare_refiners.py', lambda: compare(args, command))


if __name__ == '__main__':
    sys.exit(main())
