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
