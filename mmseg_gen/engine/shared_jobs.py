"""Jobs on the files of a folder, shared among all processes that are started on the same output folder."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from mmseg_gen.engine.crew import Crew
from mmseg_gen.engine.leases import LeaseLost
from mmseg_gen.engine.presence import Timing
from mmseg_gen.errors import Incomplete

Job = TypeVar('Job')
ATTEMPTS = 3


def share_jobs(
    jobs: Sequence[Job],
    output_of: Callable[[Job], Path],
    run: Mapping[str, Any],
    *,
    resume: bool,
    timing: Timing | None = None,
) -> Iterator[Job]:
    """Yield the jobs that fall to this process, until all are done, by whomever.

    Args:
        jobs: What is left to do.
        output_of: Gives the file that a job writes last; those of all jobs are in one folder.
        run: What is made, as JSON; see :class:`~mmseg_gen.engine.crew.Crew`.
        resume: Whether a job is done whose output is there, by a process that has ended since, for instance.
        timing: How the processes watch each other; None for the defaults.

    Raises:
        UserError: Others are making something else there.
        Incomplete: ``ATTEMPTS`` processes died or hung at one job, so that it was given up; all others are done.
    """
    if len(jobs) < 2:
        yield from jobs
        return
    # A name of any characters and length gives a short one; it does not depend on which jobs are left.
    units = {hashlib.sha256(output_of(job).name.encode('utf-8')).hexdigest()[:16]: job for job in jobs}
    given_up: list[str] = []
    with Crew(output_of(jobs[0]).parent, run, timing) as crew:
        for lease in crew.hand_out(list(units)):
            if lease is None:
                continue
            job = units[lease.unit]
            if not (resume and output_of(job).exists()):
                if lease.losses < ATTEMPTS:
                    yield job
                else:
                    given_up.append(output_of(job).name)
            with contextlib.suppress(LeaseLost):
                lease.finish()
        crew.settle(lambda lease: None)
    if given_up:
        raise Incomplete(
            f'Expected to write {", ".join(given_up)}, but {ATTEMPTS} processes died or hung at it; start again with '
            '--resume to try it again, or take its image out of the folder.'
        )
