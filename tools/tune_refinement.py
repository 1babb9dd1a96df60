"""Choose settings of G4Seg and its rivals by coordinate search for mean IoU on scenes kept for this alone."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_gen.errors import UserError, check_counts, run_reporting

CHOSEN = 'chosen_refinements.json'
ALMOST_EXACT = (0.97, 1.0)
# What a row with `exact` may cost such masks on average: 0.1 points of IoU.
ALLOWED_LOSS = 0.001


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rows', type=Path, default=Path('configs/tables/refinement.py'), help='config of rows')
    parser.add_argument('--only', nargs='+', metavar='ROW', help='rows to choose anew; default: all')
    parser.add_argument('--scenes', type=int, help='default: as the config says')
    parser.add_argument('--rounds', type=int, help='default: as the config says')
    args = parser.parse_args(argv)
    return run_reporting('tune_refinement.py', lambda: tune(args))


def read_rows(args: argparse.Namespace) -> dict:
    """Return the config of rows.

    Raises:
        UserError: It lacks a part, or a row of --only.
    """
    from mmseg_gen.engine.config_file import read_config

    config = read_config(args.rows).to_dict()
    if not {'rows', 'tuning', 'coarse', 'grid'} <= set(config):
        raise UserError(f'Expected {args.rows} to have `rows`, `tuning`, `coarse` and `grid`, but it lacks one.')
    unknown = [name for name in args.only or () if name not in config['rows']]
    if unknown:
        raise UserError(f'Expected --only with rows from {", ".join(config["rows"])}, but got {", ".join(unknown)}.')
    return config


def tune(args: argparse.Namespace) -> None:
    check_counts(args, 'scenes', 'rounds')
    from mmseg_gen.functional.coordinate_search import coordinate_search
    from mmseg_gen.functional.writing import write_bytes
    from mmseg_gen.tables.coarse_scenes import coarse_scenes
    from mmseg_gen.tables.refinement import build, row_settings, scene_ious
    from mmseg_gen.tables.scenes import TUNING_SEED

    config = read_rows(args)
    count = args.scenes or config['tuning']['scenes']
    coarse = coarse_scenes(count, config['coarse'], first_seed=TUNING_SEED)
    exact = coarse_scenes(count, config['coarse'], first_seed=TUNING_SEED, iou=ALMOST_EXACT)
    chosen, scores = dict(config.get('chosen', {})), dict(config.get('tuning_iou', {}))
    scores['baseline'] = round(float(scene_ious(None, coarse).mean()), 4)
    for name, row in config['rows'].items():
        if not row.get('search') or (args.only and name not in args.only):
            continue
        chosen.pop(name, None)
        start = _hashable(row_settings(config['rows'], chosen, name))
        right = exact if row.get('exact') else []

        def score(settings: dict, right: list = right) -> float:
            refiner = build(settings)
            if right:
                loss = float(scene_ious(None, right).mean() - scene_ious(refiner, right).mean())
                # Worse than any setting that leaves right masks alone.
                if loss > ALLOWED_LOSS:
                    return -loss
            return float(scene_ious(refiner, coarse).mean())

        grid = {key: [_frozen(value) for value in config['grid'][key]] for key in row['search']}
        for step in coordinate_search(start, grid, score, args.rounds or config['tuning']['rounds']):
            tried = {str(value): round(found, 4) for value, found in step.scores.items()}
            print(json.dumps({name: {step.name: tried}}), flush=True)
            chosen[name], scores[name] = step.best, round(max(step.scores.values()), 4)
        content = {'tuning_iou': scores, 'chosen': chosen}
        write_bytes(args.rows.parent / CHOSEN, (json.dumps(content, indent=1) + '\n').encode('utf-8'))
    print(args.rows.parent / CHOSEN)


def _frozen(value: object) -> object:
    """Return lists as tuples: the search keeps a table of the values tried."""
    return tuple(value) if isinstance(value, list) else value


def _hashable(settings: dict) -> dict:
    return {key: _frozen(value) for key, value in settings.items()}


if __name__ == '__main__':
    sys.exit(main())
