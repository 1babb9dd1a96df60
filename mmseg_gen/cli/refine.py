"""``mmseg-gen refine``: better masks from coarse ones, for an image or a folder."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_gen.errors import UserError

if TYPE_CHECKING:
    from mmseg_gen.refiners import Refinement, Refiner

FAILED = 1
_SOLE_CLASS = 255


@dataclass(frozen=True)
class Job:
    """One image, its coarse mask, and the three files made from them; the hard mask comes last."""

    image: Path
    mask: Path
    outputs: tuple[Path, Path, Path]


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
        help='g4seg (as in the paper), g4seg-gradient (default, ours), dense-crf, bilateral-solver, guided-filter, '
        'pamr, cascade-psp, or a config file with `refiner = dict(...)`',
    )
    parser.add_argument('--generator', default='embedded', help='embedded (default), a hub id or a diffusers folder')
    parser.add_argument('--soften', type=float, metavar='PIXELS', help='width of softened edges of hard masks')
    parser.add_argument('--device', help='cpu, cuda, ...; by default a GPU where there is one')
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument('--resume', action='store_true', help='skip images whose outputs exist')
    existing.add_argument('--overwrite', action='store_true', help='write existing outputs again')


def run(args: argparse.Namespace) -> int:
    """Refine every mask and return 0, or 1 if any failed; finished outputs stay.

    Raises:
        FileNotFoundError: There is no such file or folder.
        UserError: Nothing can be done at all: no images, masks missing, outputs in the way, a wrong class.
    """
    from mmseg_gen.api.refinement import class_names

    classes = class_names(args.classes)
    jobs = plan_jobs(args.images, args.masks, args.out)
    todo = _without_existing(jobs, args.resume, args.overwrite)
    failures = _refine_all(todo, build(args), classes, args.soften) if todo else []
    counts = f'{len(todo) - len(failures)} refined, {len(jobs) - len(todo)} kept, {len(failures)} failed'
    sys.stdout.write(f'{counts}; masks and overlays in {args.out}\n')
    for image, reason in failures:
        sys.stderr.write(f'failed: {image}: {reason}\n')
    return FAILED if failures else 0


def plan_jobs(images: Path, masks: Path, out: Path) -> list[Job]:
    """Return each image with its mask, of the same name in a folder, and the names of its outputs.

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
    if out.exists() and not out.is_dir():
        raise UserError(f'Expected --out to be a folder, but {out} is a file.')
    if not images.is_dir():
        return [_job(images, masks, out)]
    if out.resolve() in (images.resolve(), masks.resolve()):
        raise UserError(f'Expected --out to be another folder than images and masks, but got {out}.')
    found = list_images(images)
    stems = [image.stem.lower() for image in found]
    twice = next((image for image in found if stems.count(image.stem.lower()) > 1), None)
    if twice is not None:
        raise UserError(f'Expected images of different names, but {twice.stem} occurs more than once in {images}.')
    return [_job(image, _mask_of(image, masks), out) for image in found]


def _mask_of(image: Path, masks: Path) -> Path:
    from mmseg_gen.refiners.stored_masks import MASK_SUFFIXES

    found = [masks / f'{image.stem}{suffix}' for suffix in MASK_SUFFIXES]
    found = [path for path in found if path.is_file()]
    if len(found) != 1:
        raise UserError(f'Expected one mask {image.stem}.png or {image.stem}.npy in {masks}, but found {len(found)}.')
    return found[0]


def _job(image: Path, mask: Path, out: Path) -> Job:
    names = ('_refined.npy', '_overlay.png', '_refined.png')
    return Job(image, mask, tuple(out / f'{image.stem}{name}' for name in names))


def _without_existing(jobs: list[Job], resume: bool, overwrite: bool) -> list[Job]:
    if overwrite:
        return jobs
    existing = [path for job in jobs for path in job.outputs if path.exists()]
    if resume:
        return [job for job in jobs if not all(path.exists() for path in job.outputs)]
    if existing:
        raise UserError(
            f'{len(existing)} outputs exist already, {existing[0]} for one; '
            'pass --resume to keep them, --overwrite to write them again, or another --out.'
        )
    return jobs


def build(args: argparse.Namespace) -> Refiner:
    """Return the refiner that the arguments name.

    Raises:
        UserError: The config has no ``refiner``.
    """
    from mmseg_gen.api.refinement import build_refiner

    if not args.refiner.endswith('.py'):
        return build_refiner(args.refiner, generator=args.generator, device=args.device)
    if not Path(args.refiner).is_file():
        raise FileNotFoundError(f'Expected a config file, but there is no {args.refiner}.')
    from mmengine.config import Config

    import mmseg_gen.registry  # noqa: F401  (compatibility first: a config may import mmseg)

    config = Config.fromfile(args.refiner)
    if 'refiner' not in config:
        raise UserError(f'Expected {args.refiner} to have `refiner = dict(type=...)`, but it has none.')
    return build_refiner(config.refiner.to_dict())


def _refine_all(jobs: list[Job], refiner: Refiner, classes: list[str], soften: float | None) -> list[tuple[Path, str]]:
    """Write the outputs of every job and return the images that failed, each with one sentence."""
    from tqdm import tqdm

    from mmseg_gen.api.refinement import refine

    failures = []
    for job in tqdm(jobs, desc='refine', unit='image', disable=None):
        try:
            _write(job, refine(job.image, job.mask, classes, refiner, soften=soften), len(classes))
        except (OSError, ValueError, TypeError, RuntimeError, MemoryError) as error:
            failures.append((job.image, ' '.join(str(error).split()) or type(error).__name__))
    return failures


def _write(job: Job, result: Refinement, count: int) -> None:
    import numpy as np

    from mmseg_gen.datasets.image_reading import read_image
    from mmseg_gen.functional.writing import encode_png, write_atomically, write_bytes
    from mmseg_gen.visualization.overlay import overlay_mask

    soft, overlay, hard = job.outputs
    hard.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(soft, lambda partial: np.save(partial, result.probabilities, allow_pickle=False))
    write_bytes(overlay, encode_png(overlay_mask(read_image(job.image), result.labels > 0)))
    scale = _SOLE_CLASS if count == 1 else 1
    write_bytes(hard, encode_png((result.labels * scale).astype(np.uint8)))
