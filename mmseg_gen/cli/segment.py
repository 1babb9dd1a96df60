"""``mmseg-gen segment``: a mask and an overlay for each photo."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_gen.cli.existing_outputs import add_existing_arguments, remaining_jobs
from mmseg_gen.errors import UserError, check_folder, one_line

if TYPE_CHECKING:
    from mmseg_gen.api import Segmenter

FAILED = 1
ATTENTION_CUT, STYLE_MIXING = 'attention-cut', 'style-mixing'
DEFAULT_PROMPT = 'a photo of a {class}'


@dataclass(frozen=True)
class Job:
    """One image and the two files made from it."""

    image: Path
    mask: Path
    overlay: Path

    @property
    def outputs(self) -> tuple[Path, Path]:
        """Both files."""
        return self.mask, self.overlay


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``segment``."""
    parser.add_argument('images', type=Path, metavar='IMAGE_OR_DIR', help='an image, or a folder of images')
    parser.add_argument('--class', dest='class_name', required=True, metavar='NAME', help='what to segment')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='gets NAME_mask.png, NAME_overlay.png')
    parser.add_argument(
        '--method',
        nargs='+',
        default=[ATTENTION_CUT],
        metavar=('METHOD', 'CHECKPOINT'),
        help=f'{ATTENTION_CUT} (default), {STYLE_MIXING}, or an MMSegmentation config and its checkpoint',
    )
    parser.add_argument(
        '--generator',
        default='embedded',
        help=f'embedded (default), a hub id or a diffusers folder; for {STYLE_MIXING} embedded or a config such as '
        'configs/stylemix_ffhq.py',
    )
    parser.add_argument(
        '--encoder',
        metavar='FILE',
        help=f'of {STYLE_MIXING}: gives the styles that the inversion starts from, "embedded" or a file; "none" starts '
        'at the mean style; default: as the config says',
    )
    parser.add_argument('--prompt', default=DEFAULT_PROMPT, help='prompt; {class} stands for the class (%(default)r)')
    parser.add_argument(
        '--steps', type=int, help=f'steps of the inversion (40, or as the config of {STYLE_MIXING} says)'
    )
    parser.add_argument('--seed', type=int, default=0, help='of boundary seeds or styles (default %(default)s)')
    parser.add_argument('--device', help='cpu, cuda, ...; by default a GPU where there is one')
    add_existing_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Segment every image and return 0, or 1 if any failed; finished outputs stay.

    Raises:
        FileNotFoundError: There is no such image or folder.
        UserError: Nothing can be done at all: no images, outputs in the way, missing weights, a wrong class.
    """
    jobs = plan_jobs(args.images, args.out)
    todo = remaining_jobs(jobs, lambda job: job.outputs, resume=args.resume, overwrite=args.overwrite)
    done, failures = _segment_all(todo, args) if todo else (0, [])
    _report(done, len(jobs) - done - len(failures), failures, args.out)
    return FAILED if failures else 0


def plan_jobs(source: Path, out: Path) -> list[Job]:
    """Return the images of a file or folder with the names of their outputs.

    ``a.jpg`` gives ``a_mask.png`` and ``a_overlay.png``; beside an ``a.png`` it gives ``a.jpg_mask.png`` ...

    Raises:
        FileNotFoundError: There is no such file or folder.
        UserError: The folder holds no image, or is the output folder too.
    """
    from mmseg_gen.datasets.image_reading import list_images

    if not source.exists():
        raise FileNotFoundError(f'Expected an image or a folder of images, but there is no {source}.')
    check_folder(out, '--out')
    if source.is_dir() and out.resolve() == source.resolve():
        raise UserError(f'Expected --out to be another folder than the images, but got {out} for both.')
    images = list_images(source) if source.is_dir() else [source]
    stems = [image.stem.lower() for image in images]
    names = [i.name if stems.count(s) > 1 else i.stem for i, s in zip(images, stems, strict=True)]
    return [
        Job(image, out / f'{name}_mask.png', out / f'{name}_overlay.png')
        for image, name in zip(images, names, strict=True)
    ]


def _build(args: argparse.Namespace) -> Segmenter:
    from mmseg_gen.api import build_segmenter

    method, *rest = args.method
    if len(rest) > 1:
        raise UserError(
            f'Expected --method {ATTENTION_CUT}, {STYLE_MIXING} or --method CONFIG CHECKPOINT, but got {args.method}.'
        )
    checkpoint = rest[0] if rest else None
    if args.encoder is not None and method != STYLE_MIXING:
        raise UserError(f'Expected --encoder with --method {STYLE_MIXING} alone, but got it with {method}.')
    options = {'prompt': args.prompt, 'steps': args.steps, 'encoder': args.encoder, 'seed': args.seed}
    return build_segmenter(
        args.class_name,
        method,
        generator=args.generator,
        checkpoint=checkpoint,
        device=args.device,
        **options,
    )


def _segment_all(jobs: list[Job], args: argparse.Namespace) -> tuple[int, list[tuple[Path, str]]]:
    """Write the outputs of all jobs that no other process writes.

    Returns:
        Number of images that succeeded here, and those that failed, each with one sentence. A bad image does not stop
        the others. The overlay is written first: where there is a mask, there are both.
    """
    from tqdm import tqdm

    from mmseg_gen.engine.shared_jobs import share_jobs

    names = ('class_name', 'method', 'generator', 'encoder', 'prompt', 'steps', 'seed')
    run = {'command': 'segment', **{name: getattr(args, name) for name in names}}
    done, failures, segmenter = 0, [], _build(args)
    shared = share_jobs(jobs, lambda job: job.mask, run, resume=args.resume)
    for job in tqdm(shared, desc='segment', unit='image', total=len(jobs), disable=None):
        if reason := _attempt(lambda job=job: _segment_one(job, segmenter)):
            failures.append((job.image, reason))
        else:
            done += 1
    return done, failures


def _segment_one(job: Job, segmenter: Segmenter) -> None:
    from mmseg_gen.datasets.image_reading import check_photo, read_image
    from mmseg_gen.functional.writing import encode_png, write_bytes

    image = check_photo(read_image(job.image))
    result = segmenter(image)
    job.overlay.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(job.overlay, encode_png(result.overlay(image)))
    result.save(job.mask)


def _attempt(action: Callable[[], None]) -> str:
    """Return why the action failed, in one line, or an empty text."""
    try:
        action()
    except (OSError, ValueError, TypeError, RuntimeError, MemoryError) as error:
        return one_line(error)
    return ''


def _report(written: int, kept: int, failures: list[tuple[Path, str]], out: Path) -> None:
    counts = f'{written} segmented' + (f', {kept} kept' if kept else '') + f', {len(failures)} failed'
    sys.stdout.write(f'{counts}; masks and overlays in {out}\n')
    for image, reason in failures:
        sys.stderr.write(f'failed: {image}: {reason}\n')
