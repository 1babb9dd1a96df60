"""Imports flow one way, and the mathematics needs no framework."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'mmseg_gen'
# Lowest first; a module imports from its own layer and from those before it.
LAYERS = (
    ('errors', 'versions'),
    ('compat', 'registry'),
    ('functional',),
    ('generators',),
    ('models',),
    ('datasets',),
    ('refiners',),
    ('engine',),
    ('evaluation',),
    ('visualization',),
    ('components',),
    ('api',),
    ('tables',),
    ('cli',),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# Names that `mmseg_gen/__init__.py` imports from upper layers when they are asked for.
LAZY = {'segment': 'api', 'load_parts': 'generators'}
GENERATOR_LIBRARIES = {'diffusers', 'transformers'}
FRAMEWORKS = ('mmcv', 'mmengine', 'mmseg', 'diffusers', 'transformers')
FILES = sorted(PACKAGE.rglob('*.py'))
LAYERED = [path for path in FILES if path != PACKAGE / '__init__.py']


class _DropTypeChecking(ast.NodeTransformer):
    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        return node.orelse if ast.unparse(node.test).endswith('TYPE_CHECKING') else node


def imported_modules(source: str, module: str, is_package: bool, *, run_only: bool = False) -> Iterator[str]:
    """Yield the absolute dotted name of everything that a source imports, at any depth of the code.

    With `run_only`, what only type checkers import (``if TYPE_CHECKING:``) is left out.
    """
    tree = ast.parse(source)
    for node in ast.walk(_DropTypeChecking().visit(tree) if run_only else tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ''
            if node.level:
                package = module.split('.') if is_package else module.split('.')[:-1]
                parents = package[: len(package) - node.level + 1]
                base = '.'.join([*parents, base] if base else parents)
            yield from (f'{base}.{alias.name}' for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split('.')[-1] == 'import_module':
            if node.args and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)


def layer_of(dotted: str) -> str | None:
    """Return the layer of a dotted name of ours, None for the light root and for foreign names."""
    parts = dotted.split('.')
    if parts[0] != 'mmseg_gen' or len(parts) < 2:
        return None
    name = LAZY.get(parts[1], parts[1])
    return name if name in RANK else None


def module_of(path: Path) -> tuple[str, bool]:
    parts = path.relative_to(ROOT).with_suffix('').parts
    is_package = parts[-1] == '__init__'
    return '.'.join(parts[:-1] if is_package else parts), is_package


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports_of(path: Path, *, run_only: bool = False) -> list[str]:
    return list(imported_modules(path.read_text(encoding='utf-8'), *module_of(path), run_only=run_only))


def run_python(program: str) -> str:
    done = subprocess.run([sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_module_has_a_layer():
    names = {path.relative_to(PACKAGE).parts[0].removesuffix('.py') for path in FILES} - {'__init__'}
    assert names <= set(RANK), f'without a layer: {sorted(names - set(RANK))}'


@pytest.mark.parametrize('path', LAYERED, ids=relative)
def test_imports_never_point_upwards(path):
    own = layer_of(module_of(path)[0])
    targets = {name: layer_of(name) for name in imports_of(path)}
    upwards = [name for name, layer in targets.items() if layer and RANK[layer] > RANK[own]]
    assert not upwards, f'{own} must not import {upwards}'


@pytest.mark.parametrize('path', FILES, ids=relative)
def test_only_generators_import_diffusers_and_transformers(path):
    found = {name for name in imports_of(path, run_only=True) if name.split('.')[0] in GENERATOR_LIBRARIES}
    assert layer_of(module_of(path)[0]) == 'generators' or not found


@pytest.mark.parametrize('path', sorted((PACKAGE / 'functional').rglob('*.py')), ids=lambda p: p.name)
def test_functional_imports_nothing_else_of_ours(path):
    layers = {layer_of(name) for name in imports_of(path)} - {None}
    assert layers <= {'functional', 'errors'}


def test_functional_works_without_any_framework():
    program = f"""
import importlib, pkgutil, sys
for name in {FRAMEWORKS}:
    sys.modules[name] = None
import mmseg_gen.functional as functional
for info in pkgutil.walk_packages(functional.__path__, 'mmseg_gen.functional.'):
    importlib.import_module(info.name)
print(len([name for name in sys.modules if name.startswith('mmseg_gen.functional.')]))
"""
    assert int(run_python(program)) >= 1


def test_importing_the_package_loads_neither_torch_nor_a_framework():
    heavy = ('torch', 'numpy', *FRAMEWORKS)
    program = f'import sys, mmseg_gen; print([name for name in {heavy} if name in sys.modules])'
    assert run_python(program) == '[]'


@pytest.mark.parametrize(
    ('source', 'expected'),
    [
        ('def f():\n    from mmseg_gen.engine import synthesis', ['mmseg_gen.engine.synthesis']),
        ('from . import noise', ['mmseg_gen.functional.noise']),
        ('from .noise import add_noise', ['mmseg_gen.functional.noise.add_noise']),
        ('from ..models import x', ['mmseg_gen.models.x']),
        ("import importlib\nimportlib.import_module('mmseg_gen.api')", ['importlib', 'mmseg_gen.api']),
        ('from mmseg_gen import segment', ['mmseg_gen.segment']),
    ],
)
def test_the_walk_sees_every_form_of_import(source, expected):
    assert list(imported_modules(source, 'mmseg_gen.functional.evidence', False)) == expected


def test_imports_for_type_checkers_can_be_left_out():
    source = 'if TYPE_CHECKING:\n    import diffusers\nelse:\n    import numpy\nimport torch'
    names = set(imported_modules(source, 'mmseg_gen.models.x', False))
    assert names == {'diffusers', 'numpy', 'torch'}
    assert set(imported_modules(source, 'mmseg_gen.models.x', False, run_only=True)) == {'numpy', 'torch'}


def test_relative_imports_of_a_package_start_at_itself():
    own = list(imported_modules('from .noise import x', 'mmseg_gen.functional', True))
    other = list(imported_modules('from ..models import x', 'mmseg_gen.functional', True))
    assert [*own, *other] == ['mmseg_gen.functional.noise.x', 'mmseg_gen.models.x']


def test_a_lazy_public_name_counts_as_the_layer_it_comes_from():
    assert layer_of('mmseg_gen.segment') == 'api'
    assert layer_of('mmseg_gen.__version__') is None
