"""The tool and the subcommand: the same run, errors as one line with exit code 2."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from mmseg_gen.cli.main import main
from mmseg_gen.functional.manifest import read_manifest
from tests.tiny_models import save_tiny, tiny_parts

CONFIG = """
synthesis = dict(
    generator={generator!r}, output={output!r}, classes=['cat', 'dog'], template='a photo of a {{class}}',
    num_samples=9, steps=1, batch_size=2, first_batch=1, evidence=dict(top_k=2, num_seeds=4),
    labeller=dict(type='AttentionCutLabel', top_k=2, bias=-0.5), filter=dict(min_area=0.0))
"""


@pytest.fixture(scope='module')
def tiny_folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp('tiny') / 'pipeline', tiny_parts())


@pytest.fixture
def config(tmp_path, tiny_folder):
    path = tmp_path / 'tiny.py'
    path.write_text(CONFIG.format(generator=str(tiny_folder), output=str(tmp_path / 'set')))
    return str(path)


@pytest.fixture
def tool(repository):
    spec = importlib.util.spec_from_file_location('synthesize_tool', repository / 'tools/synthesize.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def test_the_tool_and_the_subcommand_make_the_same_set(tmp_path, config, tool):
    options = ['--cfg-options', 'synthesis.num_samples=2']
    assert (
        tool([config, *options]) == main(['synthesize', config, '--work-dir', str(tmp_path / 'other'), *options]) == 0
    )
    assert read_manifest(tmp_path / 'set') == read_manifest(tmp_path / 'other')
    assert len(read_manifest(tmp_path / 'set')) == 2


def one_line(capsys):
    text = capsys.readouterr().err.strip().splitlines()
    return text[-1]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['synthesis.classes=[]'], 'classes` to hold texts'),
        (['synthesis.generator=no-such-folder'], 'no-such-folder'),
        (['synthesis.labeller.type=NoLabel'], 'NoLabel'),
        (['synthesis.labeller.lam=-1'], '`lam`'),
        (['synthesis.labeller.lambda_chi=1'], 'lambda_chi'),
        (['synthesis.dtype=float8'], 'dtype'),
        (['synthesis.template=cats'], '{class}'),
    ],
)
def test_what_is_wrong_is_one_line(config, tool, capsys, options, message):
    assert tool([config, '--cfg-options', *options]) == 2
    line = one_line(capsys)
    assert line.startswith('synthesize.py: error: ')
    assert message in line


def test_a_missing_config_is_one_line(tool, capsys):
    assert tool(['none.py']) == 2
    assert 'none.py' in one_line(capsys)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, config, tool, capsys):
    (tmp_path / 'file').write_text('')
    assert tool([config, '--work-dir', str(tmp_path / 'file')]) == 2
    assert '`synthesis.output` or --work-dir to be a folder, but' in one_line(capsys)


def test_a_launcher_that_did_not_launch_is_one_line(config, tool, capsys, monkeypatch):
    monkeypatch.delenv('RANK', raising=False)
    assert tool([config, '--launcher', 'pytorch']) == 2
    assert '--launcher pytorch to set RANK' in one_line(capsys)


def test_without_ray_its_tasks_are_one_line(config, tool, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', None)
    assert tool([config, '--ray', '2']) == 2
    assert 'pip install "mmseg_gen[ray]"' in one_line(capsys)
