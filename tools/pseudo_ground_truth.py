"""Score the masks of a generated data set, or of a folder, against a trained MMSegmentation model's label maps."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_gen.errors import UserError, run_reporting


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('directory', type=Path, metavar='DIR', help='generated data set, or a folder of images')
    parser.add_argument('config', help="config of the model whose opinion counts, MMSegmentation's own for instance")
    parser.add_argument('checkpoint', help='its checkpoint file, or the work folder that holds one')
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        '--class',
        dest='foreground',
        nargs='+',
        metavar='NAME',
        help="the model's classes that are foreground; default: the class that each sample was generated to show",
    )
    what.add_argument('--classes', nargs='+', metavar='NAME', help='names of the labels 1, 2, ... of index masks')
    parser.add_argument('--masks', type=Path, metavar='DIR', help='folder of the masks; default: DIR/masks')
    parser.add_argument('--suffix', default='', help="what mask names have behind the image's, as _mask")
    parser.add_argument('--cache', type=Path, metavar='DIR', help='label maps; default: beside DIR, DIR_pseudo_labels')
    parser.add_argument('--device', default='cpu', help='where the model runs (default %(default)s)')
    parser.add_argument('--out', type=Path, metavar='FILE.json', help='where to write the scores')
    return parser.parse_args(argv)


def evaluate(args: argparse.Namespace, command: str) -> None:
    """Label the images that are not labelled yet, score the masks, and show the scores."""
    from mmseg_gen.engine.pseudo_labels import PseudoLabels
    from mmseg_gen.evaluation.pseudo_ground_truth import evaluate_against_model, generated_pictures
    from mmseg_gen.evaluation.score_file import check_score_file, score_lines, write_scores
    from mmseg_gen.functional.manifest import label_classes

    check_score_file(args.out)
    root = args.directory.resolve()
    names = label_classes(root) if args.masks is None and args.classes is None else None
    if names is not None:
        # Read as masks of 0 and 255, their ignored pixels would be the foreground.
        raise UserError(
            f'Expected --classes for the label maps of {root}, but got none; add --classes {shlex.join(names[1:])}.'
        )
    masks = args.masks or root / 'masks'
    if not masks.is_dir():
        raise UserError(f'Expected masks in {masks}, but there is no such folder; name it with --masks.')
    pictures = generated_pictures(root)
    cache = args.cache or root.with_name(f'{root.name}_pseudo_labels')
    labels = PseudoLabels(args.config, args.checkpoint, cache, device=args.device)
    scores = evaluate_against_model(
        masks, pictures, labels, foreground=args.foreground, classes=args.classes, suffix=args.suffix
    )
    if args.out:
        model = {'config': str(args.config), 'checkpoint': labels.weights, 'key': labels.key}
        content = {**scores.as_json(), 'masks': str(masks), 'model': model, 'command': command}
        write_scores(args.out, content)
    sys.stdout.write(
        f'{scores.num_images} images against {args.config} ({labels.computed} labelled now); label maps in '
        f'{labels.folder}\n'
    )
    sys.stdout.writelines(score_lines(scores.metrics, scores.intervals))


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    given = sys.argv[1:] if argv is None else list(argv)
    command = shlex.join(['python', 'tools/pseudo_ground_truth.py', *given])
    return run_reporting('pseudo_ground_truth.py', lambda: evaluate(args, command))


if __name__ == '__main__':
    sys.exit(main())
