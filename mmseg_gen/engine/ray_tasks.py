"""Synthesis as tasks of a Ray cluster, for machines without another launcher; they share the work as all crews do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_gen.engine.setting_values import plain_values
from mmseg_gen.errors import UserError


def synthesize_with_ray(
    cfg: Mapping[str, Any], work_dir: str | Path | None, tasks: int, *, resume: bool = True
) -> None:
    """Make a data set in tasks of the Ray cluster at ``RAY_ADDRESS``, or of one started on this machine.

    A task takes a GPU where the cluster has any, else a CPU. Its machine has this directory.

    Args:
        cfg: Config with a key ``synthesis``.
        work_dir: Folder of the data set; None takes ``synthesis.output``. All machines of the cluster see it under
            this name.
        tasks: Number of tasks.
        resume: Whether a folder that has samples may be gone on with.

    Raises:
        UserError: Ray is not installed, or the settings are wrong.
    """
    if tasks < 1:
        raise UserError(f'Expected --ray to be a number of tasks >= 1, but got {tasks}.')
    # Ray would report its use to its makers.
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    try:
        import ray
    except ImportError as error:
        raise UserError(
            'Expected Ray for --ray, but it is not installed: pip install "mmseg_gen[ray]", or start several processes '
            'on the same folder by hand or with --launcher.'
        ) from error
    if not ray.is_initialized():
        ray.init(include_dashboard=False)
    task = ray.remote(_work).options(num_gpus=1 if ray.cluster_resources().get('GPU') else 0)
    plain = {'synthesis': plain_values(cfg.get('synthesis', {}))}
    running = [task.remote(plain, work_dir, rank, tasks, resume, os.getcwd()) for rank in range(tasks)]
    errors = []
    for reference in running:
        try:
            ray.get(reference)
        except ray.exceptions.RayError as error:
            errors.append(error)
    # The others did the work of a task that failed.
    if len(errors) == tasks:
        raise getattr(errors[0], 'cause', None) or errors[0]


def _work(
    cfg: Mapping[str, Any], work_dir: str | Path | None, rank: int, tasks: int, resume: bool, directory: str
) -> None:
    """Do one task; relative paths mean what they mean where the run was started."""
    from mmseg_gen.engine.progress import Worker
    from mmseg_gen.engine.synthesis import synthesize

    os.chdir(directory)
    # Ray shows each task its own GPU only, which is number 0 there.
    synthesize(cfg, work_dir, resume=resume, worker=Worker(rank, tasks))
