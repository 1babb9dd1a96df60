"""Choose settings of AttentionCut and its baselines by coordinate search for mean IoU on scenes kept for this alone."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_gen.errors import UserError, check_counts, run_reporting

GRID = {
    'top_k': [2, 3, 5, 6, 8, 10],
    'calibration': ['min_max', 'mixture'],
    'color_rounds': [0, 1, 3],
    'color_weight': [0.3, 1.0, 2.0, 4.0],
    'lam': [0.1, 0.5, 2.0, 5.0, 10.0],
    'color_scale': [5.0, 10.0, 20.0, 40.0],
    'bias': [-1.0, -0.5, 0.0, 0.5],
    'lambda_phi': [0.0, 0.16, 0.5],
    'color_bins': [4, 6, 8, 12],
    'min_objectness': [0.0, 0.5, 0.75],
}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--generator', default='embedded', help="'embedded' or a pipeline folder")
    parser.add_argument('--scenes', type=int, help='default: 60, or as the config of --rows says')
    parser.add_argument('--steps', type=int, help='DDIM steps; default: 20, or as the config of --rows says')
    parser.add_argument('--rounds', type=int, help='default: 2, or as the config of --rows says')
    parser.add_argument('--rows', type=Path, help='config of rows, such as configs/tables/training_free.py')
    parser.add_argument('--only', nargs='+', metavar='ROW', help='rows to choose anew; default: all')
    args = parser.parse_args(argv)
    return run_reporting('tune_cut.py', lambda: _tune(args))


def _tune(args: argparse.Namespace) -> None:
    check_counts(args, 'scenes', 'steps', 'rounds')
    _tune_rows(args) if args.rows else _tune_default(args)


def _tune_default(args: argparse.Namespace) -> None:
    from dataclasses import asdict

    from mmseg_gen.evaluation.training_free import invert_for_evidence
    from mmseg_gen.functional.cut_settings import EMBEDDED_CUT, CutSettings
    from mmseg_gen.generators.parts import load_parts
    from mmseg_gen.tables.scenes import TUNING_SEED, labelled_scenes
    from mmseg_gen.tables.tuning import choose

    samples = labelled_scenes(args.scenes or 60, first_seed=TUNING_SEED)
    parts = load_parts(args.generator)
    evidence = invert_for_evidence(parts, samples, EMBEDDED_CUT, steps=args.steps or 20)
    best = choose('attention_cut', asdict(EMBEDDED_CUT), GRID, evidence, samples, rounds=args.rounds or 2, tell=_tell)
    print(CutSettings(**best.settings))


def _tune_rows(args: argparse.Namespace) -> None:
    from mmseg_gen.engine.config_file import read_config
    from mmseg_gen.generators.parts import load_parts
    from mmseg_gen.tables.scenes import TUNING_SEED, labelled_scenes
    from mmseg_gen.tables.tuning import tune_rows, tuning_evidence

    config = read_config(args.rows)
    if 'rows' not in config or 'tuning' not in config:
        raise UserError(f'Expected {args.rows} to have `rows` and `tuning`, but it lacks one.')
    unknown = [name for name in args.only or () if name not in config.rows]
    if unknown:
        raise UserError(f'Expected --only with rows from {", ".join(config.rows)}, but got {", ".join(unknown)}.')
    samples = labelled_scenes(args.scenes or config.tuning.scenes, first_seed=TUNING_SEED)
    evidence = tuning_evidence(load_parts(args.generator), samples, config, args.steps)
    path = args.rows.parent / 'chosen_cuts.json'
    rounds = args.rounds or config.tuning.rounds
    tune_rows(config, evidence, samples, path, rounds=rounds, only=args.only, tell=_tell)
    print(path)


def _tell(name: str, scores: dict) -> None:
    print(json.dumps({name: {str(value): round(score, 4) for value, score in scores.items()}}), flush=True)


if __name__ == '__main__':
    sys.exit(main())
