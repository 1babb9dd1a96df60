from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_gen.engine.launching import launched_worker, use_processors
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


@pytest.mark.parametrize('launcher', ['pytorch', 'slurm', 'mpi'])
def test_a_runner_says_that_its_launcher_did_not_launch_it(launcher, monkeypatch):
    for name in ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match=f'--launcher {launcher} to set .* start through the launcher'):
        use_processors(Config(dict(launcher=launcher)))
    use_processors(Config(dict(launcher='none')))
