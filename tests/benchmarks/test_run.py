"""The table of all benchmarks: numbers, aims both ways, and what failed."""

from __future__ import annotations

import json
import sys

import pytest


@pytest.fixture
def run(repository, monkeypatch):
    monkeypatch.syspath_prepend(str(repository / 'benchmarks'))
    monkeypatch.delitem(sys.modules, 'run', raising=False)
    import run

    yield run
    sys.modules.pop('run', None)


def test_rows_say_whether_an_aim_was_met_whichever_way_it_counts(run):
    results = {
        'capture': {'lines': [{'case': 1}, {'ratio': 1.3, 'aim': 1.25}], 'error': '', 'processor_s': 12.4},
        'synthesis': {'lines': [{'generator_share': 0.97, 'aim': 0.85}], 'error': '', 'processor_s': 3.0},
        'processes': {'lines': [{'ratio': 1.5, 'aim': 1.6, 'floor': 1.7423}], 'error': '', 'processor_s': 3.0},
        'number_formats': {'lines': [{'ratio': 0.6789}], 'error': '', 'processor_s': 3.0},
        'export': {'lines': [], 'error': 'Traceback\nOSError: no space left', 'processor_s': 0.6},
    }
    assert run.table(results).splitlines()[2:] == [
        '| `capture` | UNet with all attention recorded | 1.3 | 1: the plain UNet | <= 1.25 | no | 12 |',
        '| `number_formats` | AttentionCut in bfloat16 over float32 | 0.679 | | | | 3 |',
        "| `synthesis` | generator's share of a synthesis | 0.97 | 1 | >= 0.85 | yes | 3 |",
        '| `processes` | two processes over one | 1.5 | 1.74 | >= 1.6 | no | 3 |',
        '| `export` | COCO export, seconds | failed: OSError: no space left | | | | 1 |',
    ]


def test_a_script_runs_in_its_own_process_and_its_last_line_counts(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, 'FOLDER', tmp_path)
    (tmp_path / 'capture.py').write_text(
        "import json, sys\nprint('progress')\nprint(json.dumps({'ratio': 2.0, 'aim': 1.25}))\nsys.exit(1)\n"
    )
    (tmp_path / 'unet.py').write_text("raise RuntimeError('broken')\n")
    assert run.main(['--only', 'capture', 'unet', '--json', str(tmp_path / 'all.json')]) == 1
    printed = capsys.readouterr().out
    assert '| 2 | 1: the plain UNet | <= 1.25 | no |' in printed
    assert 'failed: RuntimeError: broken' in printed
    stored = json.loads((tmp_path / 'all.json').read_text())
    assert stored['capture']['lines'] == [{'ratio': 2.0, 'aim': 1.25}]
    assert stored['unet']['error'].endswith('broken')


def test_every_script_with_a_result_is_in_the_table(run, repository):
    scripts = {path.stem for path in (repository / 'benchmarks').glob('*.py')}
    beside = {'gpu', 'measuring', 'random_models', 'run'}
    assert {benchmark.name for benchmark in run.BENCHMARKS} == scripts - beside
