"""Tools for the embedded models, tuning and tables: wrong input is one line and status 2, before any work."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


@pytest.mark.parametrize(
    ('command', 'message'),
    [
        ('evaluate_embedded --out o --scenes -1', '--scenes of at least 1, but got -1'),
        ('evaluate_embedded --out o --steps 0', '--steps of at least 1, but got 0'),
        ('evaluate_embedded_stylegan2 --out o --inverted 0', '--inverted of at least 1, but got 0'),
        ('train_embedded --work-dir w --batch 0', '--batch of at least 1, but got 0'),
        ('train_embedded --work-dir w --stages unet', 'pipeline/vae, on which the stage unet builds; run --stages vae'),
        ('train_embedded --work-dir w --device tpu', "but got 'tpu'"),
        ('train_embedded_stylegan2 --work-dir w --color-steps 0', '--color-steps of at least 1, but got 0'),
        ('tune_cut --rounds 0', '--rounds of at least 1, but got 0'),
        ('tune_cut --rows empty.py', 'to have `rows` and `tuning`'),
        ('tune_refinement --rows empty.py', 'to have `rows`, `tuning`, `coarse` and `grid`'),
        ('tune_scene_cut --scenes 0', '--scenes of at least 1, but got 0'),
        ('tune_styles --images 0', '--images of at least 1, but got 0'),
        ('reproduce stylemix_tab4 --quick --out empty.py', 'empty.py'),
    ],
)
def test_wrong_input_is_one_line(tmp_path, monkeypatch, capsys, command, message):
    name, *arguments = command.split()
    (tmp_path / 'empty.py').write_text('')
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location(f'tool_{name}', TOOLS / f'{name}.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f'{name}.py: error: ')
    assert error.count('\n') == 1
    assert message in error
    assert [path.name for path in tmp_path.iterdir()] == ['empty.py']
