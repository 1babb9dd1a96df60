"""Score the masks in a folder, from any program, against a data set or a folder of ground truth."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_gen.errors import UserError, run_reporting


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('predictions', type=Path, metavar='PRED_DIR', help='PNG or npy masks named as the images')
    truth = parser.add_mutually_exclusive_group(required=True)
    truth.add_argument('--dataset', metavar='NAME', help='name in configs/_base_/datasets (voc12), or a config file')
    truth.add_argument('--gt', type=Path, metavar='DIR', help='plain folder of ground-truth masks')
    parser.add_argument('--data-root', type=Path, metavar='DIR', help="folder of the data set; default: the config's")
    parser.add_argument('--split', help='split of the data set; default: the one its config tests on')
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument('--binary', action='store_true', help='with --gt: masks of 0 and 255, or 0 and 1')
    kind.add_argument('--classes', nargs='+', metavar='NAME', help='with --gt: names of the labels 0, 1, ...')
    kind.add_argument('--num-classes', type=int, metavar='N', help='with --gt: number of labels')
    parser.add_argument('--metrics', nargs='+', metavar='TYPE', help='metrics in place of those for the data set')
    parser.add_argument(
        '--missing',
        choices=('error', 'skip', 'background'),
        default='error',
        help='images without a prediction: refused, left out, or scored as empty; both listed',
    )
    parser.add_argument(
        '--values',
        choices=('auto', 'labels', 'mask', 'soft'),
        default='auto',
        help='what two-class predictions hold: 0 and 1, 0 and 255, or grey values',
    )
    parser.add_argument(
        '--suffix', default='', help="what prediction names have behind the image's, _mask for instance"
    )
    parser.add_argument('--out', type=Path, metavar='FILE.json', help='where to write the scores')
    args = parser.parse_args(argv)
    if args.dataset and (args.binary or args.classes or args.num_classes):
        parser.error('--binary, --classes and --num-classes go with --gt')
    if args.gt and not (args.binary or args.classes or args.num_classes):
        parser.error('--gt needs --binary, --classes or --num-classes')
    return args


def evaluate(args: argparse.Namespace, command: str) -> None:
    """Score the masks, write the JSON file, and show the scores."""
    from mmseg_gen.evaluation.score_file import check_score_file, score_lines, write_scores
    from mmseg_gen.evaluation.stored_masks import evaluate_masks
    from mmseg_gen.evaluation.truth_sets import open_benchmark, open_mask_folder

    check_score_file(args.out)
    if args.num_classes is not None and not 2 <= args.num_classes <= 255:
        raise UserError(f'Expected --num-classes in [2, 255], but got {args.num_classes}.')
    names = args.classes or (None if args.binary else [str(i) for i in range(args.num_classes or 0)])
    if args.dataset:
        truth = open_benchmark(args.dataset, args.data_root, args.split)
    else:
        truth = open_mask_folder(args.gt, names)
    scores = evaluate_masks(
        args.predictions, truth, metrics=args.metrics, missing=args.missing, values=args.values, suffix=args.suffix
    )
    if args.out:
        content = {**scores.as_json(), 'predictions': str(args.predictions), 'command': command}
        write_scores(args.out, content)
    sys.stdout.write(f'{scores.data_set}: {scores.num_images} images\n')
    sys.stdout.writelines(score_lines(scores.metrics, scores.intervals))
    for what, files in (('without a prediction', scores.missing), ('of no image', scores.extra)):
        if files:
            sys.stdout.write(f'  {len(files)} {what}, {files[0]} for one\n')


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    given = sys.argv[1:] if argv is None else list(argv)
    command = shlex.join(['python', 'tools/evaluate_masks.py', *given])
    return run_reporting('evaluate_masks.py', lambda: evaluate(args, command))


if __name__ == '__main__':
    sys.exit(main())
