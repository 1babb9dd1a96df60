"""The converter tools of COCO and Pascal Context: what they write and what they say."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_gen.datasets.layouts.coco import write_coco20k_scenes
from mmseg_gen.datasets.layouts.context import write_context_scenes

ROOT = Path(__file__).resolve().parents[2]


def tool(name: str):
    spec = importlib.util.spec_from_file_location(f'converter_{name}', ROOT / f'tools/dataset_converters/{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name: str, *arguments: object) -> int:
    return tool(name).main([str(argument) for argument in arguments])


def test_coco_tools_write_labels_and_the_subset(tmp_path, capsys):
    write_coco20k_scenes(tmp_path, 2, size=32)
    annotations = tmp_path / 'annotations'
    full, subset = annotations / 'instances_train2014.json', annotations / 'subset.json'
    assert run('coco20k', full, annotations / 'coco_20k_filenames.txt', subset) == 0
    assert '2 images, 4 annotations' in capsys.readouterr().out
    assert run('coco_object', subset, tmp_path / 'labels') == 0
    assert '2 label maps written, 0 were there' in capsys.readouterr().out
    assert run('coco_object', subset, tmp_path / 'labels') == 0
    assert '0 label maps written, 2 were there' in capsys.readouterr().out
    assert len(list((tmp_path / 'labels').iterdir())) == 2


@pytest.mark.parametrize('source', ['trainval', 'trainval_merged.json'])
def test_the_context_tool_reads_either_form(tmp_path, capsys, source):
    write_context_scenes(tmp_path, {'train': 1, 'val': 2}, size=32)
    assert run('pascal_context', tmp_path / source, tmp_path) == 0
    assert '3 label maps written' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('name', 'arguments'),
    [
        ('coco20k', ['gone.json', 'gone.txt', 'a.json']),
        ('coco_object', ['gone.json', 'a']),
        ('pascal_context', ['gone', 'a']),
    ],
)
def test_a_missing_file_is_one_line_and_status_2(tmp_path, monkeypatch, capsys, name, arguments):
    monkeypatch.chdir(tmp_path)
    assert run(name, *arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f'{name}.py: error: Expected')
    assert 'gone' in lines[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('name', ['coco20k', 'coco_object', 'pascal_context'])
def test_help_needs_no_framework(name):
    path = ROOT / f'tools/dataset_converters/{name}.py'
    program = (
        'import contextlib, runpy, sys\n'
        "sys.argv = ['x', '--help']\n"
        'with contextlib.suppress(SystemExit):\n'
        f"    runpy.run_path({str(path)!r}, run_name='__main__')\n"
        "print([name for name in ('torch', 'mmseg') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert 'usage' in done.stdout
    assert done.stdout.endswith('[]\n')
