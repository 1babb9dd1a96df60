"""``tools/dist_*.sh`` and ``tools/slurm_*.sh``: they parse, are alike, and hand everything on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_gen.functional.manifest import read_manifest

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
SCRIPTS = sorted(TOOLS.glob('*.sh'))
KINDS = ('dist', 'slurm')
NAMES = {kind: {path.stem.removeprefix(f'{kind}_') for path in TOOLS.glob(f'{kind}_*.sh')} for kind in KINDS}
CONFIG = """
synthesis = dict(generator='embedded', classes=['dog', 'tree'], num_samples=4, batch_size=1, first_batch=1, steps=2)
"""


def arguments_of(name):
    """Return what a script is given, and what it hands on to its tool."""
    given = ['config.py', 'checkpoint.pth'] if name == 'test' else ['config.py']
    return given, [str(TOOLS / f'{name}.py'), *given, *(['--stages', 'distill'] if name == 'distill' else [])]


@pytest.fixture
def recorded(tmp_path):
    """Return a function that runs a script with `python` and `srun` that only write down their arguments."""
    for name in ('python', 'srun'):
        (tmp_path / name).write_text('#!/bin/sh\nprintf "%s\\n" "$(basename "$0")" "$@"\n')
        (tmp_path / name).chmod(0o755)

    def run(script, *arguments, **variables):
        environment = {'PATH': f'{tmp_path}:/usr/bin:/bin', **variables}
        done = subprocess.run([script, *arguments], env=environment, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    return run


def test_there_is_one_of_each_kind_for_each_tool():
    assert NAMES['dist'] == NAMES['slurm'] >= {'distill', 'synthesize', 'test', 'train'}
    assert all((TOOLS / f'{name}.py').is_file() for name in NAMES['dist'])


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse_and_may_be_run(script):
    subprocess.run(['bash', '-n', str(script)], check=True)
    # What they share is read only.
    assert os.access(script, os.X_OK) == (script.name != 'launch.sh')


@pytest.mark.parametrize('kind', KINDS)
def test_a_missing_argument_starts_nothing(recorded, kind):
    with pytest.raises(subprocess.CalledProcessError) as caught:
        recorded(TOOLS / f'{kind}_train.sh', 'one')
    assert caught.value.stdout == ''


def test_scripts_are_found_from_another_directory(recorded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'config.py').touch()
    lines = recorded(os.path.relpath(TOOLS / 'dist_train.sh'), 'config.py', '2')
    assert lines[-4:] == [str(TOOLS / 'train.py'), 'config.py', '--launcher', 'pytorch']


def test_restarts_may_be_chosen(recorded):
    for name, restarts in (('synthesize', '0'), ('train', '5')):
        lines = recorded(TOOLS / f'dist_{name}.sh', 'config.py', '2', MAX_RESTARTS=restarts)
        assert f'--max_restarts={restarts}' in lines


def test_processes_that_need_each_other_meet_anew_when_they_are_started_again(recorded):
    variables = dict(NNODES='2', MASTER_ADDR='host', PORT='29501', MAX_RESTARTS='2')
    lines = recorded(TOOLS / 'dist_train.sh', 'config.py', '2', **variables)
    assert {'--rdzv_backend=c10d', '--rdzv_endpoint=host:29501', '--max_restarts=2', '--nnodes=2'} < {*lines}
    assert not [line for line in lines if line.startswith(('--node_rank', '--master', '--local_addr'))]
    lines = recorded(TOOLS / 'dist_test.sh', 'config.py', 'checkpoint.pth', '2', MAX_RESTARTS='1')
    assert {'--rdzv_backend=c10d', '--rdzv_endpoint=127.0.0.1:29500', '--local_addr=127.0.0.1'} < {*lines}
    for name, restarts in (('synthesize', '2'), ('train', '0')):
        lines = recorded(TOOLS / f'dist_{name}.sh', 'config.py', '2', **{**variables, 'MAX_RESTARTS': restarts})
        assert {'--node_rank=0', '--master_addr=host', '--master_port=29501'} < {*lines}


@pytest.mark.parametrize('name', sorted(NAMES['dist']))
def test_dist_starts_one_process_for_each_device(recorded, name):
    given, handed_on = arguments_of(name)
    options = ['--work-dir', 'a folder']
    lines = recorded(TOOLS / f'dist_{name}.sh', *given, '4', *options, NNODES='2', NODE_RANK='1', MASTER_ADDR='host')
    assert lines[:3] == ['python', '-m', 'torch.distributed.run']
    assert {'--nnodes=2', '--node_rank=1', '--master_addr=host', '--master_port=29500', '--nproc_per_node=4'} < {*lines}
    restarts = 3 if name == 'synthesize' else 0
    assert f'--max_restarts={restarts}' in lines
    tail = [*handed_on, '--launcher', 'pytorch', *options]
    assert lines[-len(tail) :] == tail


@pytest.mark.parametrize('name', sorted(NAMES['slurm']))
def test_slurm_starts_one_task_for_each_device(recorded, name):
    given, handed_on = arguments_of(name)
    options = ['--work-dir', 'a folder']
    lines = recorded(TOOLS / f'slurm_{name}.sh', 'part', 'job', *given, *options, GPUS='8', SRUN_ARGS='--qos=a --mem=9')
    assert lines[:3] == ['srun', '-p', 'part']
    assert {'--job-name=job', '--gres=gpu:4', '--ntasks=8', '--ntasks-per-node=4', '--qos=a', '--mem=9'} < {*lines}
    assert f'--kill-on-bad-exit={0 if name == "synthesize" else 1}' in lines
    tail = ['python', '-u', *handed_on, '--launcher', 'slurm', *options]
    assert lines[-len(tail) :] == tail


def test_two_processes_make_a_set_of_the_embedded_model(tmp_path):
    config = tmp_path / 'small.py'
    config.write_text(CONFIG)
    environment = {
        **os.environ, 'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}', 'PORT': '29653',
        'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': '',
    }  # fmt: skip
    command = [str(TOOLS / 'dist_synthesize.sh'), str(config), '2', '--work-dir', str(tmp_path / 'set')]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [entry.index for entry in read_manifest(tmp_path / 'set')] == [0, 1, 2, 3]
    assert not (tmp_path / 'set/.work').exists()
