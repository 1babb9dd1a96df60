"""``mmseg-gen analyze``: statistics and plots of generated data sets, or of any images with masks."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_gen.errors import UserError, check_counts

if TYPE_CHECKING:
    from mmseg_gen.evaluation.data_set_analysis import Analysis

FAILED = 1
RESULT = 'statistics.json'
# Column of the table: key of the JSON.
_COLUMNS = {
    'SC': 'shape_complexity',
    'PL': 'polygon_length',
    'SD': 'shape_diversity',
    'size': 'object_size',
    'contrast': 'color_contrast',
    'off-centre': 'center_distance',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``analyze``."""
    parser.add_argument(
        'folder', type=Path, metavar='DIR', help='a generated data set, or a folder with images/, masks/'
    )
    parser.add_argument('--images', metavar='FOLDER', help='images of DIR, if not DIR/images; relative to DIR')
    parser.add_argument('--masks', metavar='FOLDER', help='masks of DIR, if not DIR/masks; relative to DIR')
    parser.add_argument(
        '--mask-kind',
        choices=('auto', 'binary', 'labels'),
        default='auto',
        help='binary: foreground from 128 on; labels: all but 0 and 255 (void); default: told from the values',
    )
    parser.add_argument(
        '--compare', type=Path, nargs='+', default=[], metavar='DIR', help='more data sets to draw over the first'
    )
    parser.add_argument('--out', type=Path, metavar='DIR', help='gets the results; default: work_dirs/analysis/NAME')
    parser.add_argument(
        '--pairs', type=int, default=20_000, metavar='N', help='most pairs of shapes compared (default %(default)s)'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace the results of an earlier call')


def run(args: argparse.Namespace) -> int:
    """Analyse every data set and return 0, or 1 if files had to be left out.

    Raises:
        UserError: A data set is missing or unusable, or there are results already.
    """
    from mmseg_gen.evaluation.data_set_analysis import analyze
    from mmseg_gen.evaluation.image_pairs import find_pairs
    from mmseg_gen.functional.writing import write_bytes
    from mmseg_gen.visualization.data_set_plots import plot_data_sets

    check_counts(args, 'pairs')
    roots = [args.folder, *args.compare]
    names = set_names(roots)
    out = args.out or Path('work_dirs') / 'analysis' / names[0]
    if (out / RESULT).exists() and not args.overwrite:
        raise UserError(f'There are results in {out} already; pass --overwrite, or another --out.')
    # All folders are looked at before the long work starts.
    found = [find_pairs(root, *((args.images, args.masks) if root is args.folder else ())) for root in roots]
    analyses = [
        analyze(pairs, name, mask_kind=_mask_kind(root, args.mask_kind), max_pairs=args.pairs, left_out=lonely)
        for root, name, (pairs, lonely) in zip(roots, names, found, strict=True)
    ]
    plots = plot_data_sets({a.name: a.statistics for a in analyses}, out)
    content = {'sets': [a.as_json() for a in analyses]}
    write_bytes(out / RESULT, json.dumps(content, indent=1).encode('utf-8'))
    report(analyses)
    sys.stdout.write(f'{RESULT} and {len(plots)} plots in {out}\n')
    return FAILED if any(a.left_out for a in analyses) else 0


def _mask_kind(root: Path, asked: str) -> str:
    from mmseg_gen.functional.manifest import label_classes

    # A set of several classes says so itself.
    return 'labels' if asked == 'auto' and label_classes(root) is not None else asked


def set_names(roots: Sequence[Path]) -> list[str]:
    """Return a name for each folder: its own, with its parent's where two are the same.

    Raises:
        UserError: A folder does not exist or is given twice.
    """
    for root in roots:
        if not root.is_dir():
            raise UserError(f'Expected a folder of images and masks, but there is none at {root}.')
    full = [root.resolve() for root in roots]
    if len(set(full)) < len(full):
        raise UserError(f'Expected different data sets, but got {", ".join(map(str, roots))}.')
    names = [path.name for path in full]
    doubled = [f'{path.parent.name}/{path.name}' if names.count(path.name) > 1 else path.name for path in full]
    return doubled if len(set(doubled)) == len(doubled) else [str(path) for path in full]


def report(analyses: Sequence[Analysis]) -> None:
    """Write the table of means, and what was left out, to the standard streams."""
    width = max(len(a.name) for a in analyses)
    sys.stdout.write(f'{"":{width}}  {"masks":>7}' + ''.join(f'{column:>12}' for column in _COLUMNS) + '\n')
    for analysis in analyses:
        content = analysis.as_json()
        means = [content[key]['mean'] for key in _COLUMNS.values()]
        cells = ''.join(f'{"-" if mean is None else f"{mean:.3f}":>12}' for mean in means)
        sys.stdout.write(f'{analysis.name:{width}}  {content["masks"]:>7}{cells}\n')
    for analysis in analyses:
        if analysis.empty:
            sys.stderr.write(f'{analysis.name}: {len(analysis.empty)} empty masks, {analysis.empty[0]} for one\n')
        for file, reason in analysis.left_out:
            sys.stderr.write(f'left out: {file}: {reason}\n')
