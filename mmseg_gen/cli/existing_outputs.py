"""What a command that writes files for each image does about those that exist."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from mmseg_gen.errors import UserError

_Job = TypeVar('_Job')


def add_existing_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--resume`` and ``--overwrite``, which exclude one another."""
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument(
        '--resume',
        action='store_true',
        help='skip images whose outputs exist; started again beside itself, the command shares the work',
    )
    existing.add_argument('--overwrite', action='store_true', help='write existing outputs again')


def remaining_jobs(
    jobs: Sequence[_Job], outputs: Callable[[_Job], Iterable[Path]], *, resume: bool, overwrite: bool
) -> list[_Job]:
    """Return the jobs to do: all of them, or with ``resume`` those that lack an output.

    Args:
        jobs: All jobs.
        outputs: The files of a job.
        resume: Whether finished jobs are passed over.
        overwrite: Whether existing outputs are written again.

    Raises:
        UserError: Outputs exist, and neither is set.
    """
    if overwrite:
        return list(jobs)
    if resume:
        return [job for job in jobs if not all(path.exists() for path in outputs(job))]
    existing = [path for job in jobs for path in outputs(job) if path.exists()]
    if existing:
        raise UserError(
            f'{len(existing)} outputs exist already, {existing[0]} for one; '
            'pass --resume to keep them, --overwrite to write them again, or another --out.'
        )
    return list(jobs)
