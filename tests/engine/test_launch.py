"""What the train and test tools check before they start."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from mmengine.config import Config

from mmseg_gen.engine.launch import (
    add_runner_arguments,
    find_checkpoint,
    known_types_only,
    leaf_datasets,
    load_config,
    missing_samples,
    require_data,
    synthetic_set,
)
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import Entry, entry_to_line


def arguments(config: Path, *options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    add_runner_arguments(parser)
    return parser.parse_args([str(config), *options])


def training(root: Path | str, output: Path | str | None, num_samples: int = 3) -> Config:
    synthesis = None if output is None else dict(output=str(output), num_samples=num_samples)
    dataset = dict(type='RepeatDataset', times=2, dataset=dict(type='SyntheticDataset', data_root=str(root)))
    return Config(dict(synthesis=synthesis, train_dataloader=dict(dataset=dataset)))


def test_work_dir_comes_from_the_argument_then_the_config_then_its_name(tmp_path):
    plain, named = tmp_path / 'plain.py', tmp_path / 'named.py'
    plain.write_text('a = 1')
    named.write_text("work_dir = 'mine'")
    assert load_config(arguments(plain)).work_dir == 'work_dirs/plain'
    assert load_config(arguments(named)).work_dir == 'mine'
    assert load_config(arguments(named, '--work-dir', 'other')).work_dir == 'other'


def test_options_override_the_config(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text('model = dict(depth=1, width=2)\nextra = 0')
    config = load_config(arguments(path, '--cfg-options', 'model.depth=5', 'extra=[1,2]', '--launcher', 'pytorch'))
    assert config.model == dict(depth=5, width=2)
    assert config.extra == [1, 2]
    assert config.launcher == 'pytorch'


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('a = (', 'it does not load: SyntaxError'),
        (
            "custom_imports = dict(imports=['no_such_module_of_ours'], allow_failed_imports=False)",
            'no_such_module',
        ),
        ("_base_ = ['gone.py']", 'gone.py'),
    ],
)
def test_a_broken_config_is_named(tmp_path, text, message):
    path = tmp_path / 'broken.py'
    path.write_text(text)
    with pytest.raises((UserError, FileNotFoundError), match=message):
        load_config(arguments(path))


def test_a_missing_config_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'there is no .*gone\.py'):
        load_config(arguments(tmp_path / 'gone.py'))


def test_an_unknown_type_is_one_sentence_and_other_key_errors_pass():
    from mmseg_gen.registry import MODELS

    with (
        pytest.raises(UserError, match=r'NoSuchHead is not in the .* Correct the `type`'),
        known_types_only(),
    ):
        MODELS.build(dict(type='NoSuchHead'))
    with pytest.raises(KeyError, match='weight'), known_types_only():
        dict()['weight']


def test_a_wrong_argument_is_one_sentence_and_other_type_errors_pass():
    from mmseg_gen.registry import TRANSFORMS

    with (
        pytest.raises(UserError, match=r"Resize.* got an unexpected keyword argument 'scael'.*; correct the key"),
        known_types_only(),
    ):
        TRANSFORMS.build(dict(type='Resize', scael=(4, 4)))
    with pytest.raises(TypeError, match='has no len'), known_types_only():
        len(None)


def test_a_checkpoint_is_a_file_a_folder_or_its_latest(tmp_path):
    (tmp_path / 'iter_4.pth').touch()
    (tmp_path / 'last_checkpoint').write_text('/moved/elsewhere/iter_4.pth')
    expected = str(tmp_path / 'iter_4.pth')
    for name in ('iter_4.pth', '', 'latest.pth'):
        assert find_checkpoint(str(tmp_path / name)) == expected
    assert find_checkpoint('https://example.org/a.pth') == 'https://example.org/a.pth'


@pytest.mark.parametrize('name', ['gone.pth', '', 'latest.pth'])
def test_a_missing_checkpoint_is_named(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=r'checkpoint file .* but got .*tools/train.py writes them'):
        find_checkpoint(str(tmp_path / name))


def test_data_sets_are_found_inside_wrappers():
    a, b = dict(type='A'), dict(type='B')
    nested = dict(type='RepeatDataset', dataset=dict(type='ConcatDataset', datasets=[a, dict(dataset=b)]))
    assert list(leaf_datasets(nested)) == [a, b]


def test_a_missing_folder_is_named_with_its_cure(tmp_path):
    loader = dict(dataset=dict(type='DUTSDataset', data_root='no/DUTS'))
    config = Config(dict(test_dataloader=loader, data_hint={'no/DUTS': 'Get it there.'}))
    with pytest.raises(FileNotFoundError, match=r'`test_dataloader` \(DUTSDataset\) in no/DUTS.* Get it there\.'):
        require_data(config, 'test_dataloader')
    with pytest.raises(UserError, match='`train_dataloader`'):
        require_data(config, 'train_dataloader')
    config.test_dataloader.dataset.data_root = str(tmp_path)
    require_data(config, 'test_dataloader')


def test_missing_samples_are_counted(tmp_path):
    config = training(tmp_path, tmp_path, num_samples=3)
    assert missing_samples(config) == 3
    lines = [entry_to_line(Entry(i, f'{i}', 'cat', 'a cat', 0, 'dropped' if i else 'kept')) for i in range(2)]
    (tmp_path / 'manifest.jsonl').write_text(''.join(lines))
    assert missing_samples(config) == 1
    assert synthetic_set(config) == tmp_path


def test_only_the_set_that_is_trained_on_counts(tmp_path):
    assert missing_samples(training(tmp_path / 'other', tmp_path)) == 0
    assert missing_samples(training(tmp_path, None)) == 0
    assert missing_samples(Config(dict(synthesis=dict(output=str(tmp_path))))) == 0
