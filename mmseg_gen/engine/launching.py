"""Which process of how many this one is, as its launcher says, and how they meet."""

from __future__ import annotations

import os
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
    """Let several processes of one Runner work together without GPUs too, which MMEngine does not by itself.

    Raises:
        UserError: The config names a launcher that did not start this process.
    """
    import torch
    from mmengine import dist

    launched_worker(config.get('launcher', 'none'))
    if config.get('launcher', 'none') != 'pytorch' or torch.cuda.is_available():
        return
    if not dist.is_distributed():
        torch.distributed.init_process_group('gloo')
    config.model_wrapper_cfg = dict(type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False)
