"""Versions, the stub of MMCV's compiled ops, and checkpoints that load without running code."""

from __future__ import annotations

import importlib
import os
import pickle
import runpy
import sys
from importlib.machinery import ModuleSpec, PathFinder

import numpy as np
import pytest
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader

from mmseg_gen import compat, versions
from mmseg_gen.errors import UserError

compat.apply()


class Hostile:
    """Touches a file when it is unpickled."""

    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return os.system, (f'touch {self.witness}',)


class HostileGetattr:
    """Asks for a dangerous attribute through the one `getattr` that MMEngine's log needs."""

    def __reduce__(self):
        return getattr, (HistoryBuffer, '__init__')


def runner_checkpoint():
    """What `Runner.save_checkpoint` writes: weights, optimizer and a message hub with a log of losses."""
    layer = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(layer.parameters())
    log = HistoryBuffer([0.5, 0.25], [1, 1])
    hub = {
        'log_scalars': {'train/loss': log},
        'runtime_info': {'iter': 2, 'best': np.float32(0.5), 'area': np.arange(3)},
        'resumed_keys': {'train/loss': True},
    }
    return {
        'meta': {'iter': 2, 'dataset_meta': {'classes': ('background', 'foreground')}},
        'state_dict': layer.state_dict(),
        'message_hub': hub,
        'optimizer': optimizer.state_dict(),
        'param_schedulers': [],
    }


def plain_pickle(content, path):
    path.write_bytes(pickle.dumps(content, protocol=2))


@pytest.mark.parametrize('writer', [torch.save, plain_pickle])
def test_hostile_checkpoint_is_refused_and_its_code_not_run(tmp_path, writer):
    path, witness = tmp_path / 'hostile.pth', tmp_path / 'witness'
    writer({'state_dict': Hostile(witness)}, path)
    with pytest.raises(UserError, match=r'hostile\.pth .*refused.*system'):
        CheckpointLoader.load_checkpoint(str(path))
    assert not witness.exists()
    pickle.loads(pickle.dumps(Hostile(witness)))
    assert witness.exists(), 'the file is not hostile, so the test shows nothing'


def test_getattr_in_a_checkpoint_reaches_nothing_private(tmp_path):
    path = tmp_path / 'getattr.pth'
    torch.save({'x': HostileGetattr()}, path)
    with pytest.raises(UserError, match=r'refused'):
        compat.load_checkpoint_file(str(path))


def test_checkpoint_of_a_runner_loads(tmp_path):
    path = tmp_path / 'iter_2.pth'
    saved = runner_checkpoint()
    torch.save(saved, path)
    loaded = CheckpointLoader.load_checkpoint(str(path), map_location='cpu')
    assert torch.equal(loaded['state_dict']['weight'], saved['state_dict']['weight'])
    hub = loaded['message_hub']
    assert hub['log_scalars']['train/loss'].statistics('mean') == pytest.approx(0.375)
    assert hub['runtime_info']['best'] == np.float32(0.5)
    np.testing.assert_array_equal(hub['runtime_info']['area'], [0, 1, 2])
    assert loaded['meta']['dataset_meta']['classes'] == ('background', 'foreground')


def test_checkpoints_from_an_url_are_loaded_without_pickles(monkeypatch):
    from mmengine.runner import checkpoint

    seen = {}
    monkeypatch.setattr(torch, 'load', lambda *args, **kwargs: seen.update(kwargs))
    monkeypatch.setattr(os.path, 'exists', lambda path: True)
    checkpoint.load_url('https://example.org/model.pth', model_dir='.')
    assert seen['weights_only'] is True


@pytest.mark.parametrize('content', [b'', b'hello, this is no checkpoint', b'PK\x03\x04 cut'])
def test_damaged_checkpoint_is_named(tmp_path, content):
    path = tmp_path / 'damaged.pth'
    path.write_bytes(content)
    with pytest.raises(UserError, match=r'damaged\.pth'):
        compat.load_checkpoint_file(str(path))


def test_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no .*absent\.pth'):
        compat.load_checkpoint_file(str(tmp_path / 'absent.pth'))


def test_stub_raises_only_when_an_op_is_called():
    stub = compat._OpsStubFinder().create_module(ModuleSpec(compat.OPS_MODULE, None))
    assert hasattr(stub, 'ms_deform_attn_forward')
    with pytest.raises(RuntimeError, match=r'`psamask_forward` is not in mmcv-lite.*pip install'):
        stub.psamask_forward(torch.zeros(1))
    assert not hasattr(stub, '__path__')


def test_stub_is_offered_once_and_last():
    compat.offer_ops_stub()
    compat.offer_ops_stub()
    finders = [finder for finder in sys.meta_path if isinstance(finder, compat._OpsStubFinder)]
    assert len(finders) == 1
    assert sys.meta_path.index(finders[0]) > sys.meta_path.index(PathFinder)
    assert finders[0].find_spec('mmcv.ops') is None


def test_mmseg_models_import_with_or_without_compiled_ops():
    from mmseg.models import EncoderDecoder

    assert EncoderDecoder.__module__.startswith('mmseg.models')
    spec = PathFinder.find_spec('_ext', importlib.import_module('mmcv').__path__)
    assert compat.has_compiled_ops() == (spec is not None)


@pytest.mark.parametrize(
    ('library', 'found', 'expected'),
    [
        ('mmcv', '2.2.0', r'Expected `mmcv` >=2\.0\.0,<2\.2, but got 2\.2\.0\..*"mmcv-lite>=2\.0\.0,<2\.2"'),
        ('mmengine', '0.9.0', r'Expected `mmengine` >=0\.10\.6,<1, but got 0\.9\.0\.'),
        ('mmsegmentation', '0.30.0', r'Expected `mmsegmentation` >=1\.2\.1,<1\.3, but got 0\.30\.0\.'),
        ('torch', '2.5.1+cu124', r'Expected `torch` >=2\.6,<3, but got 2\.5\.1\+cu124\.'),
        ('diffusers', '0.29.2', r'but got 0\.29\.2\..*pip install "diffusers>=0\.33,<1"'),
        ('transformers', None, r'Expected `transformers` >=4\.55,<6, but it is not installed\..*pip install'),
    ],
)
def test_unsupported_version_gives_both_bounds_and_the_cure(monkeypatch, library, found, expected):
    real = versions.installed_version
    monkeypatch.setattr(versions, 'installed_version', lambda name: found if name == library else real(name))
    with pytest.raises(UserError, match=expected):
        compat.check_versions()


@pytest.mark.parametrize('found', ['2.6.0', '2.13.0+cpu', '2.14.0.dev20260101'])
def test_supported_versions_pass(found):
    assert versions.version_problem('torch', found) is None


def test_both_builds_of_mmcv_are_looked_for(monkeypatch):
    def version(name):
        if name == 'mmcv-lite':
            return '2.1.0'
        raise versions.PackageNotFoundError(name)

    monkeypatch.setattr(versions, 'version', version)
    assert versions.installed_version('mmcv') == '2.1.0'
    assert versions.installed_version('torch') is None


def test_setup_declares_the_same_ranges(repository, monkeypatch):
    declared = {}
    monkeypatch.chdir(repository)
    monkeypatch.setattr('setuptools.setup', lambda **kwargs: declared.update(kwargs))
    runpy.run_path(str(repository / 'setup.py'))
    assert declared['version'] == versions.__version__
    for library, bounds in versions.SUPPORTED.items():
        assert {library + bounds, f'{library}-lite{bounds}'} & set(declared['install_requires'])


def test_constraints_lie_in_the_supported_ranges(repository):
    lines = (repository / 'requirements' / 'constraints.txt').read_text().splitlines()
    pins = dict(line.split('==') for line in lines if line and not line.startswith('#'))
    for library in versions.SUPPORTED:
        name = versions.DISTRIBUTIONS.get(library, (library,))[-1]
        assert versions.version_problem(library, pins[name]) is None


def test_mmseg_configs_resolve_without_pkg_resources(monkeypatch, tmp_path):
    from mmengine.config import config

    find = importlib.util.find_spec
    monkeypatch.setattr(config, 'is_installed', config.is_installed)
    monkeypatch.setattr(config, 'get_installed_path', config.get_installed_path)
    hidden = 'pkg_resources'
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None if name == hidden else find(name))
    monkeypatch.setitem(sys.modules, hidden, None)
    compat._find_packages_without_pkg_resources()
    assert not config.is_installed('mmdet3d')
    with pytest.raises(UserError, match='pip install mmdet3d'):
        config.get_installed_path('mmdet3d')
    child = tmp_path / 'child.py'
    child.write_text("_base_ = ['mmseg::_base_/schedules/schedule_20k.py']\n")
    assert config.Config.fromfile(child).train_cfg.max_iters == 20000
