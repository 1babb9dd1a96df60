"""``mmseg-gen label``: masks of a folder of photos, as a data set to train on."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_gen.errors import UserError, check_counts, check_folder

if TYPE_CHECKING:
    from mmseg_gen.engine.concepts.settings import ConceptSettings
    from mmseg_gen.functional.photo_records import PhotoRecord

FOBADIFFUSION, ATTENTION_CUT = 'fobadiffusion', 'attention-cut'
PRELIMINARY, REFINED = 'preliminary', 'refined'
FAILED = 1
# How the settings' messages name what was typed.
_TYPED = {
    '`concept.canvas`': '--canvas',
    '`concept.seed`': '--seed',
    '`concept.labeller`: Expected `min_contrast`': 'Expected --min-contrast',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``label``."""
    parser.description = (
        'Write a data set to train on from a folder of photos and one or several words: DIR/masks/NAME.png (label '
        'maps: 0 background, 1 the first class, ...) and a manifest with the outcome of every photo. `segment` is for '
        'looking at a few photos of one class; `label` takes several classes, notices photos without them, goes on '
        'where it was killed, and its folder is read by LabelledPhotosDataset in any MMSegmentation config.'
    )
    parser.add_argument('photos', type=Path, metavar='DIR', help='folder of photos, those in folders below it too')
    parser.add_argument(
        '--class',
        dest='classes',
        action='append',
        required=True,
        metavar='NAME',
        help='what the photos show; several times for several classes, which all photos are asked for',
    )
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder of masks and manifest')
    parser.add_argument('--method', choices=(FOBADIFFUSION, ATTENTION_CUT), default=FOBADIFFUSION, help='%(default)s')
    parser.add_argument(
        '--stage',
        choices=(PRELIMINARY, REFINED),
        default=REFINED,
        help='of fobadiffusion: masks from attention alone, or refined by painting the object over (default)',
    )
    parser.add_argument('--generator', default='embedded', help='embedded (default), a hub id or a diffusers folder')
    parser.add_argument(
        '--painter', metavar='DIR', help='of fobadiffusion: fine-tuned model that paints: WORK/distilled/generator'
    )
    parser.add_argument('--prompt', help='names every class; default: a photo of a CLASS and a CLASS')
    parser.add_argument(
        '--canvas', type=int, nargs=2, metavar=('H', 'W'), help="of fobadiffusion: pixels; default: the model's own"
    )
    parser.add_argument(
        '--t0', type=int, default=None, help='of fobadiffusion: attention is taken at so many of 50 times, the cleanest'
    )
    parser.add_argument('--steps', type=int, default=None, help='steps of the inpainting, or of the inversion')
    parser.add_argument('--min-contrast', type=float, help='maps flatter than this (deviation / mean) show nothing')
    parser.add_argument('--seed', type=int, default=0, help='of all noise (default %(default)s)')
    parser.add_argument('--device', help='cpu, cuda, ...; by default a GPU where there is one')
    parser.add_argument(
        '--resume',
        action='store_true',
        help='go on in a folder that has masks; started again beside itself, the command shares the work',
    )


def run(args: argparse.Namespace) -> int:
    """Label every photo and return 0, or 1 if one could not be read.

    Raises:
        UserError: Nothing can be done at all: no photos, outputs in the way, missing weights, a wrong class.
    """
    from mmseg_gen.engine.concepts.photos import list_photos
    from mmseg_gen.engine.concepts.stage import UNREADABLE
    from mmseg_gen.functional.writing import write_bytes

    check_counts(args, 't0', 'steps')
    _check_out(args)
    label = _label_by_cut if args.method == ATTENTION_CUT else _label_by_concept
    with _named_as_typed():
        settings = settings_of(args)
        records = label(args, settings, list_photos(args.photos))
    names = {str(i): name for i, name in enumerate(settings.names)}
    write_bytes(args.out / 'classes.json', (json.dumps(names, indent=1) + '\n').encode('utf-8'), f'{os.getpid()}-')
    return FAILED if _tell(records, args.out, UNREADABLE) else 0


def settings_of(args: argparse.Namespace) -> ConceptSettings:
    """Return the settings that the arguments stand for; of the embedded models, those of their own config.

    Raises:
        UserError: A class is empty or given twice, or a number is out of range.
    """
    from mmseg_gen.api.refinement import class_names
    from mmseg_gen.engine.concepts.settings import EMBEDDED, ConceptSettings
    from mmseg_gen.generators.prompt_grammar import with_articles

    classes = class_names(args.classes)
    base: dict[str, Any] = EMBEDDED if args.generator == 'embedded' else {}
    given = {
        'evidence': {'max_steps': args.t0},
        'labeller': {'min_contrast': args.min_contrast},
        'refine': {'steps': args.steps if args.method == FOBADIFFUSION else None},
    }
    merged = {
        name: {**base.get(name, {}), **{key: value for key, value in values.items() if value is not None}}
        for name, values in given.items()
    }
    settings = ConceptSettings.from_dict(
        dict(
            photos=str(args.photos),
            prompt=args.prompt or with_articles('a photo of a ' + ' and a '.join(classes)),
            concepts=[[name] for name in classes],
            classes=classes,
            generator=args.generator,
            canvas=args.canvas,
            seed=args.seed,
            device=args.device,
            **merged,
        )
    )
    if args.t0 is not None and args.t0 > settings.evidence.steps:
        raise UserError(f'Expected --t0 in [1, {settings.evidence.steps}], but got {args.t0}.')
    if args.canvas is not None and min(args.canvas) < 1:
        raise UserError(f'Expected --canvas of at least 1 pixel each, but got {args.canvas[0]} {args.canvas[1]}.')
    return settings


@contextmanager
def _named_as_typed() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        text = str(error)
        for name, option in _TYPED.items():
            text = text.replace(name, option)
        if text == str(error):
            raise
        raise UserError(text) from error


def _label_by_concept(args: argparse.Namespace, settings: ConceptSettings, photos: list) -> dict[str, PhotoRecord]:
    from mmseg_gen.engine.concepts.preliminary import label_preliminary
    from mmseg_gen.engine.concepts.refinement import label_refined
    from mmseg_gen.generators.sources import network_forbidden, resolve_source

    if args.stage == PRELIMINARY:
        return label_preliminary(photos, settings, args.out)
    if args.painter is not None:
        # Before the long work starts.
        resolve_source(args.painter, None, network_forbidden(None))
    before = args.out / PRELIMINARY
    label_preliminary(photos, settings, before)
    painter = {'painter': args.painter or args.generator}
    return label_refined(before, settings, args.out, photos=photos, generator=args.painter, identity=painter)


def _label_by_cut(args: argparse.Namespace, settings: ConceptSettings, photos: list) -> dict[str, PhotoRecord]:
    from mmseg_gen.api.photo_cut import label_by_cut

    return label_by_cut(photos, settings, args.out, steps=args.steps or 40)


def _check_out(args: argparse.Namespace) -> None:
    from mmseg_gen.engine.concepts.records import has_begun

    check_folder(args.out, '--out')
    if args.out.resolve() == args.photos.resolve() or args.photos.resolve() in args.out.resolve().parents:
        raise UserError(f'Expected --out to be outside the photos, but got {args.out} in {args.photos}.')
    if not args.resume and any(has_begun(folder) for folder in (args.out, args.out / PRELIMINARY)):
        raise UserError(f'Expected {args.out} to have no masks yet; pass --resume to go on, or another --out.')


def _tell(records: dict[str, PhotoRecord], out: Path, unreadable: str) -> int:
    """Print the outcomes; return how many photos could not be read."""
    from mmseg_gen.functional.photo_records import outcome_counts

    counts = outcome_counts(records.values())
    sys.stdout.write(f'{", ".join(f"{count} {name}" for name, count in counts.items())}; masks in {out}\n')
    for record in records.values():
        if record.outcome == unreadable:
            sys.stderr.write(f'{unreadable}: {record.image}: {" ".join(record.detail.split())}\n')
    return counts.get(unreadable, 0)
