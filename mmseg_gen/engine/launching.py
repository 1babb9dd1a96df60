"""Which process of how many this one is, as its launcher says, and how they meet."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mmseg_gen.engine.progress import Worker
from mmseg_gen.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config

# Names of the variables for rank, world size and local rank.
_VARIABLES = {
    'pytorch': ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    'slurm': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    'mpi': ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK'),
}


def launched_worker(launcher: str, environment: Mapping[str, str] = os.environ) -> Worker:
    """Return what the launcher tells this process; synthesis needs no communication beyond that.

    Args:
        launcher: 'none', 'pytorch', 'slurm' or 'mpi'.
        environment: Variables of the process.

    Raises:
        UserError: The launcher's variables are not set, or are no numbers.
    """
    if launcher == 'none':
        return Worker()
    try:
        return Worker(*(int(environment[name]) for name in _VARIABLES[launcher]))
    except (KeyError, ValueError) as error:
        raise UserError(
            f'Expected --launcher {launcher} to set {", ".join(_VARIABLES[launcher])}, but got {error}; '
            'start through the launcher, or leave --launcher out.'
        ) from error


def use_processors(config: Config) -> None:
    """Let several processes of one Runner meet, and work together without GPUs too, which MMEngine does not by itself.

    Raises:
        UserError: The config names a launcher that did not start this process, or the processes cannot meet.
    """
    import torch
    from mmengine import dist

    launcher = config.get('launcher', 'none')
    worker = launched_worker(launcher)
    if launcher == 'none':
        return
    os.environ.update(meeting_point(launcher, worker, os.environ))
    _check_known()
    if torch.cuda.is_available():
        return
    if not dist.is_distributed():
        _meet()
    config.model_wrapper_cfg = dict(type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False)


def meeting_point(launcher: str, worker: Worker, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which torch's processes find each other; torchrun sets its own.

    ``MASTER_ADDR`` and ``MASTER_PORT`` of the environment count. Else Slurm's tasks meet on the first machine of the
    job, at a port that its number gives, and those of MPI on their machine, if it is one.

    Raises:
        UserError: The processes are on several machines, and none is named.
    """
    if launcher == 'pytorch':
        return {}
    own = {'RANK': worker.rank, 'WORLD_SIZE': worker.world_size, 'LOCAL_RANK': worker.local_rank}
    return {
        'MASTER_ADDR': environment.get('MASTER_ADDR') or _first_machine(launcher, environment),
        'MASTER_PORT': environment.get('MASTER_PORT') or _port(environment),
        **{name: str(value) for name, value in own.items()},
    }


def _first_machine(launcher: str, environment: Mapping[str, str]) -> str:
    if launcher == 'slurm':
        # 'a[01-03,7]b,c' begins with a01b.
        return re.sub(r'\[(\w+)[^]]*]', r'\1', environment.get('SLURM_NODELIST', '127.0.0.1')).partition(',')[0]
    if environment.get('OMPI_COMM_WORLD_LOCAL_SIZE') == environment.get('OMPI_COMM_WORLD_SIZE'):
        return '127.0.0.1'
    raise UserError(
        'Expected MASTER_ADDR to name the machine of process 0, but it is not set; start with '
        'mpirun -x MASTER_ADDR=MACHINE.'
    )


def _port(environment: Mapping[str, str]) -> str:
    """Return torch's default, or under Slurm one that jobs on the same machine rarely share."""
    job = environment.get('SLURM_JOB_ID')
    return '29500' if job is None else str(20000 + int(job) % 10000)


def _check_known() -> None:
    try:
        socket.getaddrinfo(os.environ['MASTER_ADDR'], None)
    except OSError as error:
        # torch would go on asking for minutes.
        raise UserError(_no_meeting(error)) from error


def _meet() -> None:
    import torch

    try:
        torch.distributed.init_process_group('gloo')
    except RuntimeError as error:
        raise UserError(_no_meeting(error)) from error


def _no_meeting(error: Exception) -> str:
    place = ', '.join(f'{name} {os.environ.get(name)}' for name in ('MASTER_ADDR', 'MASTER_PORT'))
    return (
        f'Expected the processes to meet at {place}, but got: {str(error).splitlines()[0]}; set these variables to the '
        'machine of process 0 and to a free port there.'
    )
