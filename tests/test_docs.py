"""What the documentation names is there: pages, files, options, imports."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / 'docs').rglob('*.md'))
TEXTS = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *PAGES]
# Options of pip, of the Hugging Face command and of make, and those that are built from names.
FOREIGN = {'--no-deps', '--no-build-isolation', '--exclude', '--local-dir', '--no-resume', '--help'}
# Of Slurm's srun and of mpirun.
FOREIGN |= {'--gres', '--ntasks', '--mca'}
BLOCK = re.compile(r'^( *)```python\n(.*?)^ *```', re.DOTALL | re.MULTILINE)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def leaves(nav):
    for entry in nav:
        for value in entry.values():
            yield from leaves(value) if isinstance(value, list) else [value]


def test_every_page_is_in_the_navigation_once():
    listed = list(leaves(yaml.safe_load((ROOT / 'mkdocs.yml').read_text(encoding='utf-8'))['nav']))
    assert sorted(listed) == [str(page.relative_to(ROOT / 'docs')) for page in PAGES]


@pytest.mark.parametrize('text', TEXTS, ids=relative)
def test_links_lead_somewhere(text):
    targets = re.findall(r'\]\(([^)#]+)[^)]*\)', text.read_text(encoding='utf-8'))
    assert [t for t in targets if '://' not in t and not (text.parent / t).exists()] == []


@pytest.mark.parametrize('text', TEXTS, ids=relative)
def test_files_of_the_repository_are_there(text):
    named = re.findall(r'(?<![\w/])(?:configs|tools|benchmarks)/[\w/]+\.(?:py|sh)', text.read_text(encoding='utf-8'))
    # MMSegmentation's own converter.
    assert [n for n in named if not (ROOT / n).is_file() and not n.endswith('voc_aug.py')] == []


@pytest.mark.parametrize('text', TEXTS, ids=relative)
def test_options_are_defined(text):
    sources = [
        *ROOT.glob('mmseg_gen/cli/*.py'), *ROOT.glob('tools/**/*.py'), *ROOT.glob('benchmarks/*.py'),
        ROOT / 'mmseg_gen/engine/launch.py', ROOT / 'mmseg_gen/engine/config_file.py',
    ]  # fmt: skip
    defined = set(re.findall(r"'(--[a-z][\w-]*)'", ''.join(s.read_text(encoding='utf-8') for s in sources)))
    named = set(re.findall(r'(?<![\w-])--[a-z][\w-]*', text.read_text(encoding='utf-8')))
    assert sorted(named - defined - FOREIGN) == []


@pytest.mark.parametrize('text', TEXTS, ids=relative)
def test_imports_in_snippets_work(text):
    for indent, block in BLOCK.findall(text.read_text(encoding='utf-8')):
        source = re.sub(f'^{indent}', '', block, flags=re.MULTILINE)
        # Variables of MMEngine's base configs are no Python.
        tree = ast.parse(re.sub(r'\{\{.*?\}\}', 'None', source).replace('...,', '').replace(', ...)', ')'))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module.startswith('mmseg_gen'):
                module = import_module(node.module)
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []
