"""``tools/distill.py``: the photos it renders, the stages it is asked for, and errors of one line."""

from __future__ import annotations

import pytest
from mmengine.config import Config

import mmseg_gen.engine.concepts.run as pipeline
import mmseg_gen.visualization.concept_report as reporting
from tools.distill import main


@pytest.fixture
def config(tmp_path):
    work = tmp_path / 'work'
    content = dict(
        work_dir=str(work),
        scenes=[dict(root=str(tmp_path / 'scenes'), count=2, classes=['bird'])],
        concept=dict(photos=str(tmp_path / 'scenes' / 'photos')),
    )
    path = tmp_path / 'config.py'
    Config(content).dump(str(path))
    return path


@pytest.fixture
def asked(monkeypatch):
    """Replace the stages and the report; note what was asked for."""
    made = []
    monkeypatch.setattr(pipeline, 'run_stages', lambda run, stages, resume: made.append((list(stages), resume)))
    monkeypatch.setattr(reporting, 'write_concept_report', lambda run: made.append('report') or run.root)
    return made


def test_all_stages_and_the_report_by_default(config, asked, tmp_path, capsys):
    assert main([str(config)]) == 0
    assert asked == [(list(pipeline.STAGES), False), 'report']
    assert len(list((tmp_path / 'scenes' / 'photos').iterdir())) == 2
    assert capsys.readouterr().out.strip().endswith('work')


def test_some_stages_go_on_in_a_folder_that_has_results(config, asked):
    assert main([str(config), '--stages', 'refined']) == 0
    assert main([str(config), '--resume']) == 0
    assert main([str(config), '--stages', 'report']) == 0
    assert asked == [(['refined'], True), (list(pipeline.STAGES), True), 'report', 'report']


@pytest.mark.parametrize(
    ('more', 'match'),
    [
        (('--launcher', 'pytorch'), '--stages distill'),
        (('--cfg-options', 'concept.evidence.t0=3'), 'concept.evidence'),
        (('--cfg-options', 'scenes.0.classes=[unicorn]'), 'classes'),
    ],
)
def test_what_is_wrong_is_one_line(config, asked, capsys, more, match):
    assert main([str(config), *more]) == 2
    text = capsys.readouterr().err
    assert match in text
    assert text.count('\n') == 1


def test_an_unknown_stage_and_a_missing_config_are_named(config, capsys):
    assert main([str(config), '--stages', 'paint']) == 2
    assert 'test, report, but got paint.' in capsys.readouterr().err
    assert main(['nowhere.py']) == 2
    assert 'nowhere.py' in capsys.readouterr().err


def test_a_report_of_nothing_is_one_line(config, tmp_path, capsys):
    assert main([str(config), '--stages', 'report']) == 2
    text = capsys.readouterr().err
    assert 'Expected results in' in text
    assert text.count('\n') == 1
    assert not (tmp_path / 'work').exists()
