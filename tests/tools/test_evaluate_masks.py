"""The tool that scores stored masks."""

from __future__ import annotations

import importlib.util
import json

import pytest

from tests.evaluation.stored_cases import write_binary_case


def load_tool(repository):
    spec = importlib.util.spec_from_file_location('evaluate_masks_tool', repository / 'tools/evaluate_masks.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tool_writes_json_and_reports_in_one_line(tmp_path, repository, capsys):
    folder, _ = write_binary_case(tmp_path)
    tool, out = load_tool(repository), folder / 'scores/a.json'
    arguments = [str(folder / 'pred'), '--gt', str(folder / 'gt'), '--binary', '--out', str(out)]
    assert tool.main([*arguments, '--metrics', 'BinaryIoUMetric', 'BoundaryMetric']) == 0
    content = json.loads(out.read_text())
    assert content['n'] == 6
    assert content['command'].startswith('python tools/evaluate_masks.py ')
    assert content['metrics']['boundary/F']['ci95'][0] <= content['metrics']['boundary/F']['value']
    assert 'IoU_fg_per_image' in capsys.readouterr().out
    assert tool.main([str(folder / 'none'), *arguments[1:]]) == 2
    error = capsys.readouterr().err
    assert error.startswith('evaluate_masks.py: error: ')
    assert error.count('\n') == 1
    with pytest.raises(SystemExit):
        tool.main(arguments[:3])


@pytest.mark.parametrize('name', ['photo.png', 'notes.json', 'folder.json'])
def test_a_file_of_the_user_is_not_replaced_by_scores(tmp_path, repository, capsys, name):
    folder, _ = write_binary_case(tmp_path)
    out = tmp_path / name
    out.mkdir() if name.startswith('folder') else out.write_text('{"mine": 1}')
    arguments = [str(folder / 'pred'), '--gt', str(folder / 'gt'), '--binary', '--metrics', 'BinaryIoUMetric']
    assert load_tool(repository).main([*arguments, '--out', str(out)]) == 2
    assert name in capsys.readouterr().err
    assert out.is_dir() or out.read_text() == '{"mine": 1}'


def test_earlier_scores_are_replaced(tmp_path, repository):
    folder, _ = write_binary_case(tmp_path)
    arguments = [str(folder / 'pred'), '--gt', str(folder / 'gt'), '--binary', '--out', str(tmp_path / 'scores.json')]
    for metric in ('BinaryIoUMetric', 'BoundaryMetric'):
        assert load_tool(repository).main([*arguments, '--metrics', metric]) == 0
    assert 'boundary/F' in json.loads((tmp_path / 'scores.json').read_text())['metrics']
