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
        'capture': {'lines': [{'case': 1}, {'ratio': 1.3, 'aim': 1.25}], 'error': ''},
        'synthesis': {'lines': [{'generator_share': 0.97, 'aim': 0.85}], 'error': ''},
        'unet': {'lines': [{'share_of_matmul': 0.6789}], 'error': ''},
        'export': {'lines': [], 'error': 'Traceback\nOSError: no space left'},
    }
    assert run.table(results).splitlines()[2:] == [
        "| `unet` | UNet's rate over that of a matrix product | 0.679 | | |",
        '| `capture` | UNet with all attention recorded over the plain UNet | 1.3 | <= 1.25 | no |',
        "| `synthesis` | generator's share of a synthesis run | 0.97 | >= 0.85 | yes |",
        '| `export` | COCO export of 10 000 masks, seconds | failed: OSError: no space left | | |',
    ]


def test_a_script_runs_in_its_own_process_and_its_last_line_counts(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, 'FOLDER', tmp_path)
    (tmp_path / 'capture.py').write_text(
        "import json, sys\nprint('progress')\nprint(json.dumps({'ratio': 2.0, 'aim': 1.25}))\nsys.exit(1)\n"
    )
    (tmp_path / 'unet.py').write_text("raise RuntimeError('broken')\n")
    assert run.main(['--only', 'capture', 'unet', '--json', str(tmp_path / 'all.json')]) == 1
    printed = capsys.readouterr().out
    assert '| 2 | <= 1.25 | no |' in printed
    assert 'failed: RuntimeError: broken' in printed
    stored = json.loads((tmp_path / 'all.json').read_text())
    assert stored['capture']['lines'] == [{'ratio': 2.0, 'aim': 1.25}]
    assert stored['unet']['error'].endswith('broken')


def test_every_benchmark_of_the_table_is_a_script(run, repository):
    for benchmark in run.BENCHMARKS:
        assert (repository / 'benchmarks' / f'{benchmark.name}.py').is_file()
