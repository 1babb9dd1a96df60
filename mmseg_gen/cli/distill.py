"""``tools/distill.py``: from photos and a word to masks, generated images and a trained segmentor (fobadiffusion)."""

from __future__ import annotations

import argparse
import sys

from mmseg_gen.engine.launch import add_runner_arguments, load_config
from mmseg_gen.errors import UserError

REPORT = 'report'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the tool."""
    parser.add_argument('config', help='config with a `concept` section')
    parser.add_argument('--resume', action='store_true', help='go on in a work folder that has results')
    parser.add_argument(
        '--stages',
        nargs='+',
        metavar='STAGE',
        help='only these of preliminary, distill, refined, synthetic, segmentors, test, report; default: all',
    )
    add_runner_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Do the stages and write the report.

    Raises:
        UserError: The config, a stage or the photos are wrong, or the folder has results and --resume is missing.
    """
    from mmengine.logging import MMLogger

    from mmseg_gen.engine.concepts.run import STAGES, ConceptRun, run_stages

    cfg = load_config(args)
    if not MMLogger.check_instance_created('mmseg_gen'):
        MMLogger.get_instance('mmseg_gen', logger_name='mmseg_gen', log_level='INFO')
    stages = args.stages or [*STAGES, REPORT]
    if wrong := sorted(set(stages) - {*STAGES, REPORT}):
        raise UserError(f'Expected --stages from {", ".join([*STAGES, REPORT])}, but got {", ".join(wrong)}.')
    if args.launcher != 'none' and stages != ['distill']:
        raise UserError(
            f'Expected --stages distill with --launcher {args.launcher}, for the other stages run in one process; run '
            'those before and after it without --launcher.'
        )
    write_scenes(cfg)
    concept = ConceptRun.of(cfg)
    chosen = [stage for stage in stages if stage != REPORT]
    if chosen:
        run_stages(concept, chosen, resume=args.resume or args.stages is not None)
    if REPORT in stages:
        from mmseg_gen.visualization.concept_report import write_concept_report

        sys.stdout.write(f'{write_concept_report(concept)}\n')
    return 0


def write_scenes(cfg) -> None:
    """Write the rendered photos that a config of the embedded world names in ``scenes``; what is there stays."""
    if not cfg.get('scenes'):
        return
    from mmseg_gen.datasets.concept_scenes import write_concept_scenes

    for scenes in cfg.scenes:
        write_concept_scenes(**scenes)
