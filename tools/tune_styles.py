"""Choose settings of style mixing by coordinate search for mean IoU on latents kept for this alone."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_gen.errors import check_counts, run_reporting

GRID = {
    'cutoff': [3, 5, 7, 8],
    'clusters': [2, 3, 4, 5, 6, 8],
    'color_space': ['lab', 'rgb'],
}
RULES = {
    'saliency': {'saliency_threshold': [0.35, 0.4, 0.45, 0.5, 0.55, 0.6], 'deviation': [0.2, 0.25, 0.3]},
    'corner': {'corner_size': [0.1, 0.15, 0.2], 'corner_threshold': [0.1, 0.25, 0.5, 0.75]},
}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--checkpoint', type=Path, help='StyleGAN2 as safetensors; default: the embedded one')
    parser.add_argument('--images', type=int, default=40, help='tuning images (%(default)s)')
    parser.add_argument('--rounds', type=int, default=2, help='rounds of the search (%(default)s)')
    parser.add_argument('--rule', choices=sorted(RULES), default='saliency', help='foreground rule (%(default)s)')
    args = parser.parse_args(argv)
    return run_reporting('tune_styles.py', lambda: _tune(args))


def _tune(args: argparse.Namespace) -> None:
    check_counts(args, 'images', 'rounds')
    from mmseg_gen.generators.stylegan2 import load_stylegan2
    from mmseg_gen.tables.style_tuning import tune

    model = load_stylegan2(args.checkpoint or 'embedded')
    grid = {**RULES[args.rule], **GRID}
    best = tune(model, args.images, grid, start={'foreground': args.rule}, rounds=args.rounds, tell=_tell)
    print(json.dumps({'cutoff': best.cutoff, **best.labelling}))


def _tell(name: str, scores: dict) -> None:
    print(json.dumps({name: {str(value): round(score, 4) for value, score in scores.items()}}), flush=True)


if __name__ == '__main__':
    sys.exit(main())
