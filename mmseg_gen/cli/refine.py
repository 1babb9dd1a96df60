"""``mmseg-gen refine``: better masks from coarse ones, for an image or a folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_gen.cli.existing_outputs import add_existing_arguments, remaining_jobs
from mmseg_gen.errors import UserError, check_folder, one_line

if TYPE_CHECKING:
    from mmseg_gen.refiners import Refiner

FAILED = 1
_SOLE_CLASS = 255


@dataclass(frozen=True)
class Job:
    """One image, its coarse mask, and the files made from them, by what they are; the hard mask comes last."""

    image: Path
    mask: Path
    outputs: dict[str, Path]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``refine``."""
    parser.add_argument('images', type=Path, metavar='IMAGE_OR_DIR', help='an image, or a folder of images')
    parser.add_argument('masks', type=Path, metavar='MASK_OR_DIR', help='its mask (PNG or npy), or a folder of masks')
    parser.add_argument(
        '--class',
        dest='classes',
        action='append',
        required=True,
        metavar='NAME',
        help='what label 1 (and 2, 3, ... if given again) of the masks shows',
    )
    parser.add_argument(
        '--out',
        type=Path,
        required=True,
        metavar='DIR',
        help='gets NAME_refined.png, NAME_refined.npy, NAME_overlay.png',
    )
    parser.add_argument(
        '--refiner',
        default='g4seg-gradient',
        metavar='NAME_OR_CONFIG',
        help='g4seg (as in the paper), g4seg-gradient (default, ours), dense-crf, color-cut, bilateral-solver, '
        'guided-filter, pamr, cascade-psp, or a config file with `refiner = dict(...)`',
    )
    parser.add_argument('--generator', default='embedded', help='embedded (default), a hub id or a diffusers folder')
    parser.add_argument('--soften', type=float, metavar='PIXELS', help='width of softened edges of hard masks')
    parser.add_argument('--device', help='cpu, cuda, ...; by default a GPU where there is one')
    parser.add_argument(
        '--pictures',
        action='store_true',
        help='also write NAME_correspondences.png, what G4Seg matched; with --refiner g4seg, or a config of update mix',
    )
    add_existing_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Refine every mask and return 0, or 1 if any failed; finished outputs stay.

    Raises:
        FileNotFoundError: There is no such file or folder.
        UserError: Nothing can be done at all: no images, masks missing, outputs in the way, a wrong class.
    """
    from tqdm import tqdm

    from mmseg_gen.api.refinement import class_names
    from mmseg_gen.engine.shared_jobs import share_jobs

    classes = class_names(args.classes)
    jobs = plan_jobs(args.images, args.masks, args.out, args.pictures)
    todo = remaining_jobs(jobs, lambda job: job.outputs.values(), resume=args.resume, overwrite=args.overwrite)
    if args.soften is not None and not args.soften > 0:
        raise UserError(f'Expected --soften of more than 0 pixels, but got {args.soften}.')
    refiner = build(args)
    if args.pictures and getattr(refiner, 'update', None) != 'mix':
        raise UserError(
            f"Expected --refiner g4seg, or a config of G4Seg with update='mix', for --pictures, but got {args.refiner}."
        )
    if todo:
        refiner.load()
    names = ('refiner', 'generator', 'soften', 'pictures')
    run = {'command': 'refine', 'classes': classes, **{name: getattr(args, name) for name in names}}
    shared = share_jobs(todo, lambda job: job.outputs['hard'], run, resume=args.resume)
    done, failures = _refine_all(
        tqdm(shared, desc='refine', unit='image', total=len(todo), disable=None), refiner, classes, args.soften
    )
    counts = f'{done} refined, {len(jobs) - done - len(failures)} kept, {len(failures)} failed'
    sys.stdout.write(f'{counts}; masks and overlays in {args.out}\n')
    for image, reason in failures:
        sys.stderr.write(f'failed: {image}: {reason}\n')
    return FAILED if failures else 0


def plan_jobs(images: Path, masks: Path, out: Path, pictures: bool = False) -> list[Job]:
    """Return each image with its mask, of the same name in a folder, and the names of its outputs.

    Args:
        images: An image, or a folder.
        masks: Its mask, or a folder.
        out: Folder of the outputs.
        pictures: Whether correspondences are drawn too.

    Raises:
        FileNotFoundError: There is no such file or folder.
        UserError: One is a file and the other a folder, images have no mask or two, or the output is an input folder.
    """
    from mmseg_gen.datasets.image_reading import list_images

    for path in (images, masks):
        if not path.exists():
            raise FileNotFoundError(f'Expected a file or folder, but there is no {path}.')
    if images.is_dir() != masks.is_dir():
        raise UserError(f'Expected an image and a mask, or two folders, but got {images} and {masks}.')
    check_folder(out, '--out')
    if not images.is_dir():
        return [_job(images, masks, out, pictures)]
    if out.resolve() in (images.resolve(), masks.resolve()):
        raise UserError(f'Expected --out to be another folder than images and masks, but got {out}.')
    found = list_images(images)
    stems = [image.stem.lower() for image in found]
    twice = next((image for image in found if stems.count(image.stem.lower()) > 1), None)
    if twice is not None:
        raise UserError(f'Expected images of different names, but {twice.stem} occurs more than once in {images}.')
    return [_job(image, _mask_of(image, masks), out, pictures) for image in found]


def _mask_of(image: Path, masks: Path) -> Path:
    from mmseg_gen.refiners.stored_masks import MASK_SUFFIXES

    found = [masks / f'{image.stem}{suffix}' for suffix in MASK_SUFFIXES]
    found = [path for path in found if path.is_file()]
    if len(found) != 1:
        raise UserError(f'Expected one mask {image.stem}.png or {image.stem}.npy in {masks}, but found {len(found)}.')
    return found[0]


def _job(image: Path, mask: Path, out: Path, pictures: bool) -> Job:
    endings = {'soft': '_refined.npy', 'overlay': '_overlay.png'}
    endings |= {'pictures': '_correspondences.png'} if pictures else {}
    endings['hard'] = '_refined.png'
    return Job(image, mask, {kind: out / f'{image.stem}{ending}' for kind, ending in endings.items()})


def build(args: argparse.Namespace) -> Refiner:
    """Return the refiner that the arguments name.

    Raises:
        FileNotFoundError: There is no such config.
        UserError: The config does not load, or has no ``refiner``.
    """
    from mmseg_gen.api.refinement import build_refiner

    if not args.refiner.endswith('.py'):
        return build_refiner(args.refiner, generator=args.generator, device=args.device)
    from mmseg_gen.engine.config_file import read_config

    config = read_config(args.refiner)
    if not isinstance(config.get('refiner'), dict):
        raise UserError(f'Expected {args.refiner} to have `refiner = dict(type=...)`, but got {config.get("refiner")}.')
    return build_refiner(config.refiner.to_dict())


def _refine_all(
    jobs: Iterable[Job], refiner: Refiner, classes: list[str], soften: float | None
) -> tuple[int, list[tuple[Path, str]]]:
    """Write the outputs of every job; return how many succeeded, and the images that failed, each with one sentence."""
    done, failures = 0, []
    for job in jobs:
        try:
            _refine(job, refiner, classes, soften)
            done += 1
        except (OSError, ValueError, TypeError, RuntimeError, MemoryError) as error:
            failures.append((job.image, one_line(error)))
    return done, failures


def _refine(job: Job, refiner: Refiner, classes: list[str], soften: float | None) -> None:
    import numpy as np

    from mmseg_gen.api.refinement import correspondence_picture, refinement_inputs
    from mmseg_gen.functional.array_files import write_array
    from mmseg_gen.functional.writing import encode_png, write_bytes
    from mmseg_gen.visualization.overlay import overlay_mask

    pixels, probabilities, names = refinement_inputs(job.image, job.mask, classes, soften)
    result, files = refiner.refine(pixels, probabilities, names), job.outputs
    files['hard'].parent.mkdir(parents=True, exist_ok=True)
    write_array(files['soft'], result.probabilities)
    write_bytes(files['overlay'], encode_png(overlay_mask(pixels, result.labels > 0)))
    if 'pictures' in files:
        drawn = correspondence_picture(refiner, pixels, probabilities, result.probabilities, names)
        write_bytes(files['pictures'], encode_png(drawn))
    scale = _SOLE_CLASS if len(classes) == 1 else 1
    write_bytes(files['hard'], encode_png((result.labels * scale).astype(np.uint8)))
