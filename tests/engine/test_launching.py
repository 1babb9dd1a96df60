from __future__ import annotations

import pytest

from mmseg_gen.engine.launching import launched_worker
from mmseg_gen.engine.progress import Worker
from mmseg_gen.errors import UserError


def test_launchers_say_which_process_this_is():
    assert launched_worker('none', {'RANK': '3'}) == Worker(0, 1, 0)
    assert launched_worker('pytorch', {'RANK': '3', 'WORLD_SIZE': '8', 'LOCAL_RANK': '1'}) == Worker(3, 8, 1)
    slurm = {'SLURM_PROCID': '2', 'SLURM_NTASKS': '4', 'SLURM_LOCALID': '0'}
    assert launched_worker('slurm', slurm) == Worker(2, 4, 0)


def test_a_launcher_that_did_not_launch_is_named():
    with pytest.raises(UserError, match='--launcher pytorch to set RANK, WORLD_SIZE, LOCAL_RANK'):
        launched_worker('pytorch', {})
