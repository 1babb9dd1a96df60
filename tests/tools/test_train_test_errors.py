"""What the train and test tools say of missing things, and of sets that are not those asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmseg_gen.engine.progress import Worker
from mmseg_gen.engine.prompting import plan_run
from mmseg_gen.engine.settings import SynthesisSettings
from tests.tools.tiny_training import ROOT, tool, write_config, write_synthetic

pytestmark = pytest.mark.filterwarnings('ignore::UserWarning')


def fails(capsys, name: str, *arguments: object) -> str:
    """Run a tool that must fail and return its one line on stderr."""
    capsys.readouterr()
    assert tool(name).main([str(argument) for argument in arguments]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith(f'{name}.py: error:')]
    assert len(lines) == 1
    return lines[0]


def test_a_missing_synthetic_set_names_the_command_that_makes_it(world, capsys):
    config = write_config(world, 'no_set')
    gone = ['--cfg-options', 'synthesis.output=gone', 'train_dataloader.dataset.data_root=gone']
    message = fails(capsys, 'train', config, *gone)
    assert f'`python tools/synthesize.py {config}`' in message
    assert '--synthesize' in message


def test_synthesize_makes_the_missing_set_first(world, tmp_path, monkeypatch):
    from mmseg_gen.engine import synthesis

    root, workers = tmp_path / 'made', []

    def made(cfg, worker):
        workers.append(worker)
        write_synthetic(Path(cfg.synthesis.output))

    monkeypatch.setattr(synthesis, 'synthesize', made)
    options = [
        f'synthesis.output={root}',
        f'train_dataloader.dataset.data_root={root}',
        'train_cfg.max_iters=1',
    ]
    arguments = ['--synthesize', '--work-dir', str(tmp_path / 'work'), '--cfg-options', *options]
    assert tool('train').main([str(write_config(world, 'made')), *arguments]) == 0
    assert (tmp_path / 'work' / 'iter_1.pth').is_file()
    assert workers == [Worker()]


def test_synthesize_into_another_folder_than_the_training_reads_is_refused(world, tmp_path, capsys):
    config, options = write_config(world, 'elsewhere'), ['--synthesize', '--work-dir', tmp_path / 'work']
    message = fails(capsys, 'train', config, *options, '--cfg-options', f'synthesis.output={tmp_path}/made')
    assert f'`synthesis.output` = {tmp_path}/made for --synthesize, but got {world}/synthetic' in message
    assert 'synthesis.output` = None' in fails(capsys, 'train', config, *options, '--cfg-options', 'synthesis=None')
    assert list(tmp_path.iterdir()) == []


def test_synthesize_does_not_take_a_set_of_other_settings_for_the_one_asked_for(world, tmp_path, capsys):
    root = tmp_path / 'set'
    write_synthetic(root)
    config = write_config(world, 'other_settings')
    paths = [f'synthesis.output={root}', f'train_dataloader.dataset.data_root={root}']
    settings = SynthesisSettings.from_dict(Config.fromfile(config).synthesis)
    settings = {**settings.identity(), **plan_run(settings).identity}
    (root / 'meta.json').write_text(json.dumps({'format': 1, 'settings': settings}))
    options = ['--synthesize', '--work-dir', str(tmp_path / 'work'), '--cfg-options', *paths, 'train_cfg.max_iters=1']
    assert tool('train').main([str(config), *options]) == 0
    message = fails(capsys, 'train', config, *options, 'synthesis.guidance=7.5')
    assert f'Expected `synthesis.guidance` = 3.0, with which {root} was made, but got 7.5' in message


def test_missing_validation_data_are_named_with_the_cure(world, tmp_path, capsys):
    config = write_config(world, 'no_validation_data')
    loader = "dict(_delete_=True, dataset=dict(type='DUTSDataset', data_root='gone/val', split='test'))"
    config.write_text(f'{config.read_text()}\nval_dataloader = {loader}\n')
    message = fails(capsys, 'train', config, '--work-dir', tmp_path)
    assert '`val_dataloader` (DUTSDataset) in gone/val' in message
    assert 'set `val_dataloader`, `val_evaluator` and `val_cfg` to None' in message


def test_missing_test_data_are_named_with_the_cure(world, capsys):
    config = write_config(world, 'no_data')
    gone = ['--cfg-options', 'test_dataloader.dataset.data_root=gone/DUTS']
    assert 'in gone/DUTS' in fails(capsys, 'test', config, world / 'work', *gone)


def test_a_missing_checkpoint_is_named(world, capsys):
    assert 'gone.pth' in fails(capsys, 'test', write_config(world, 'no_checkpoint'), 'gone.pth')


@pytest.mark.parametrize('options', [[], ['--tta']])
def test_a_checkpoint_of_another_model_is_refused(world, capsys, options):
    config = write_config(world, 'other_model')
    message = fails(capsys, 'test', config, world / 'work', *options, '--cfg-options', 'model.decode_head.widths=[8,6]')
    assert 'iter_' in message
    assert 'of another shape (decode_head.conv_seg.weight: (2, 4, 3, 3) instead of (2, 6, 3, 3)' in message


def test_a_missing_config_is_named(capsys):
    assert 'gone.py' in fails(capsys, 'train', 'gone.py')


def test_an_unknown_type_is_named(world, capsys):
    config = write_config(world, 'unknown')
    message = fails(capsys, 'train', config, '--cfg-options', 'model.decode_head.type=NoSuchHead')
    assert 'NoSuchHead' in message
    assert '`custom_imports`' in message


def test_a_training_without_iterations_is_refused(world, capsys):
    config = write_config(world, 'no_iterations')
    assert '`train_cfg.max_iters` of at least 1, but got -2' in fails(
        capsys, 'train', config, '--cfg-options', 'train_cfg.max_iters=-2'
    )


def test_a_misspelt_setting_is_named(world, capsys):
    config = write_config(world, 'misspelt')
    message = fails(capsys, 'train', config, '--cfg-options', 'train_cfg.max_iter=2')
    assert "unexpected keyword argument 'max_iter'" in message
    assert 'did you mean `model`?' in fails(capsys, 'train', config, '--cfg-options', 'modle.type=X')


def test_missing_weights_are_named(world, tmp_path, capsys):
    config = write_config(world, 'no_weights')
    options = ['--work-dir', tmp_path, '--cfg-options', f'model.backbone.generator={tmp_path}/none']
    assert 'none' in fails(capsys, 'train', config, *options)


@pytest.mark.skipif(torch.cuda.is_available(), reason='mixed precision works here')
def test_amp_without_a_gpu_says_so(world, capsys):
    assert 'CUDA' in fails(capsys, 'train', write_config(world, 'amp'), '--amp')


def test_missing_tta_settings_are_named(world, capsys):
    config = write_config(world, 'no_tta')
    config.write_text(config.read_text() + '\ntta_pipeline = None\n')
    assert 'tta_pipeline' in fails(capsys, 'test', config, world / 'work', '--tta')


@pytest.mark.parametrize('name', ['train', 'test'])
def test_help_lists_the_arguments_of_mmseg(name):
    command = [sys.executable, str(ROOT / 'tools' / f'{name}.py'), '--help']
    env = {**os.environ, 'PYTHONPATH': str(ROOT)}
    text = subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout
    expected = ['--work-dir', '--cfg-options', '--launcher', '--local_rank']
    expected += ['--resume', '--amp', '--synthesize'] if name == 'train' else ['--out', '--show-dir', '--tta']
    assert all(argument in text for argument in expected)


def test_out_in_the_data_set_would_replace_its_files_and_is_refused(world, capsys):
    image = world / 'DUTS' / 'DUTS-TE' / 'DUTS-TE-Image' / 'p0.png'
    before = image.read_bytes()
    config = write_config(world, 'out_in_data')
    for folder in (world / 'DUTS', image.parent):
        assert 'outside the data set' in fails(capsys, 'test', config, world / 'work', '--out', folder)
    assert image.read_bytes() == before
