from __future__ import annotations

import os
import socket

import pytest
import torch
from mmengine import dist
from mmengine.config import Config

from mmseg_gen.engine.launching import launched_worker, meeting_point, use_processors
from mmseg_gen.engine.progress import Worker
from mmseg_gen.errors import UserError

NAMES = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT')
SLURM = {'SLURM_PROCID': '2', 'SLURM_NTASKS': '4', 'SLURM_LOCALID': '0', 'SLURM_JOB_ID': '412345'}
MPI = {
    'OMPI_COMM_WORLD_RANK': '3', 'OMPI_COMM_WORLD_SIZE': '4', 'OMPI_COMM_WORLD_LOCAL_RANK': '1',
    'OMPI_COMM_WORLD_LOCAL_SIZE': '2',
}  # fmt: skip


@pytest.fixture
def started(monkeypatch):
    """Return a function that lets this process be one that a launcher started, and one without a GPU."""
    for name in (*NAMES, *SLURM, *MPI, 'SLURM_NODELIST'):
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    return lambda **variables: [monkeypatch.setenv(name, value) for name, value in variables.items()]


def test_launchers_say_which_process_this_is():
    assert launched_worker('none', {'RANK': '3'}) == Worker(0, 1, 0)
    assert launched_worker('pytorch', {'RANK': '3', 'WORLD_SIZE': '8', 'LOCAL_RANK': '1'}) == Worker(3, 8, 1)
    assert launched_worker('slurm', SLURM) == Worker(2, 4, 0)
    assert launched_worker('mpi', MPI) == Worker(3, 4, 1)


def test_a_launcher_that_did_not_launch_is_named():
    with pytest.raises(UserError, match='--launcher pytorch to set RANK, WORLD_SIZE, LOCAL_RANK'):
        launched_worker('pytorch', {})


@pytest.mark.parametrize('launcher', ['pytorch', 'slurm', 'mpi'])
def test_a_runner_says_that_its_launcher_did_not_launch_it(launcher, started):
    with pytest.raises(UserError, match=f'--launcher {launcher} to set .* start through the launcher'):
        use_processors(Config(dict(launcher=launcher)))
    use_processors(Config(dict(launcher='none')))


# Seen with `scontrol show hostnames`, which lists the machines of a job.
@pytest.mark.parametrize(
    ('machines', 'first'),
    [('n1', 'n1'), ('n[1-2]', 'n1'), ('gpu-[007-009,012]', 'gpu-007'), ('a[1-2]b[3-4],c', 'a1b3'), ('a,b[2,3]', 'a')],
)
def test_the_tasks_of_slurm_meet_on_the_first_machine(machines, first):
    place = meeting_point('slurm', Worker(2, 4, 1), {**SLURM, 'SLURM_NODELIST': machines})
    assert place == {
        'RANK': '2', 'WORLD_SIZE': '4', 'LOCAL_RANK': '1', 'MASTER_ADDR': first, 'MASTER_PORT': '22345',
    }  # fmt: skip


def test_a_place_that_is_given_counts():
    given = {'MASTER_ADDR': 'there', 'MASTER_PORT': '7'}
    for launcher, environment in (('slurm', {**SLURM, 'SLURM_NODELIST': 'n1'}), ('mpi', MPI)):
        assert meeting_point(launcher, Worker(), {**environment, **given}).items() >= given.items()
    assert meeting_point('pytorch', Worker(), {}) == {}


def test_processes_of_mpi_meet_on_their_machine_or_where_they_are_told():
    there = meeting_point('mpi', Worker(3, 4, 1), {**MPI, 'OMPI_COMM_WORLD_LOCAL_SIZE': '4'})
    assert (there['MASTER_ADDR'], there['MASTER_PORT']) == ('127.0.0.1', '29500')
    with pytest.raises(UserError, match='mpirun -x MASTER_ADDR=MACHINE'):
        meeting_point('mpi', Worker(3, 4, 1), MPI)


@pytest.mark.parametrize(
    ('launcher', 'variables'),
    [
        ('slurm', {**SLURM, 'SLURM_NTASKS': '1', 'SLURM_PROCID': '0', 'SLURM_NODELIST': 'localhost'}),
        ('mpi', {name: str(int(name.endswith('SIZE'))) for name in MPI}),
    ],
)
def test_processes_without_a_gpu_meet_and_are_wrapped_for_it(started, launcher, variables):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    started(**variables, MASTER_PORT=str(port))
    config = Config(dict(launcher=launcher))
    use_processors(config)
    try:
        assert (dist.is_distributed(), dist.get_rank(), dist.get_world_size()) == (True, 0, 1)
        assert torch.distributed.get_backend() == 'gloo'
        assert (config.model_wrapper_cfg.type, config.model_wrapper_cfg.device_ids) == (
            'MMDistributedDataParallel',
            None,
        )
        assert os.environ['LOCAL_RANK'] == '0'
    finally:
        torch.distributed.destroy_process_group()


def test_a_machine_that_nobody_knows_is_named_at_once(started):
    started(**SLURM, SLURM_NODELIST='nowhere.invalid')
    with pytest.raises(UserError, match=r'meet at MASTER_ADDR nowhere\.invalid, MASTER_PORT 22345, but got: .*; set '):
        use_processors(Config(dict(launcher='slurm')))


def test_a_port_that_is_taken_is_named(started):
    with socket.socket() as taken:
        taken.bind(('0.0.0.0', 0))
        taken.listen()
        port = taken.getsockname()[1]
        started(**{name: str(int(name.endswith('SIZE'))) for name in MPI}, MASTER_PORT=str(port))
        with pytest.raises(UserError, match=f'MASTER_PORT {port}, but got: .*; set these variables'):
            use_processors(Config(dict(launcher='mpi')))
