"""Every config parses, names only components that exist, and every embedded config builds its model."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import mmengine.registry as mmengine_registry
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope, Registry

import mmseg_gen.registry as our_registry
from mmseg_gen.cli.config_needs import walk

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted((ROOT / 'configs').rglob('*.py'))
LEAVES = [path for path in CONFIGS if '_base_' not in path.parts]
EMBEDDED = [path for path in LEAVES if path.name.startswith('embedded_')]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def load(path: Path) -> Config:
    return Config.fromfile(path)


@cache
def registries() -> list[Registry]:
    """Return MMSeg's registries, ours, and MMEngine's roots, all filled."""
    import mmseg.registry as mmseg_registry

    import mmseg_gen.components  # noqa: F401

    modules = (mmseg_registry, our_registry, mmengine_registry)
    values = [value for module in modules for value in vars(module).values()]
    found = {id(value): value for value in values if isinstance(value, Registry)}
    for registry in found.values():
        registry.import_from_location()
    return list(found.values())


@cache
def resolves(name: str) -> bool:
    bare = name.removeprefix('mmseg.').removeprefix('mmengine.')
    if any(bare in registry.module_dict for registry in registries()):
        return True
    return '.' in name and our_registry.MODELS.get(name) is not None


def types_of(config: Config) -> list[str]:
    values = [node['type'] for node in walk(config.to_dict()) if 'type' in node]
    return [value for value in values if isinstance(value, str)]


def test_there_are_embedded_and_real_configs():
    assert EMBEDDED
    assert len(LEAVES) > len(EMBEDDED)


@pytest.mark.parametrize('path', CONFIGS, ids=relative)
def test_config_parses_and_every_type_resolves(path):
    unknown = [name for name in types_of(load(path)) if not resolves(name)]
    assert not unknown


@pytest.mark.parametrize('path', LEAVES, ids=relative)
def test_config_registers_what_it_uses(path):
    config = load(path)
    assert 'mmseg_gen.components' in config.custom_imports['imports']
    assert config.custom_imports['allow_failed_imports'] is False
    assert config.default_scope == 'mmseg'


@pytest.mark.parametrize('path', LEAVES, ids=relative)
def test_config_survives_being_dumped(path, tmp_path):
    copy = tmp_path / 'copy.py'
    load(path).dump(copy)
    assert Config.fromfile(copy).to_dict() == load(path).to_dict()


@pytest.mark.parametrize('path', EMBEDDED, ids=relative)
def test_model_of_an_embedded_config_builds(path, embedded_weights):
    config = load(path).copy()
    if 'model' not in config:
        pytest.skip('a config without a model')
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = our_registry.MODELS.build(config.model)
    trained = config.get('train_cfg') is not None
    assert any(parameter.requires_grad for parameter in model.parameters()) == trained


def test_an_unknown_type_would_be_found():
    assert not resolves('NoSuchHead')
    assert resolves('FCNHead')
    assert resolves('mmseg.FCNHead')
    assert resolves('AdamW')
    assert types_of(Config(dict(a=[dict(b=dict(type='FCNHead'))]))) == ['FCNHead']
