"""Reading configs and overriding their settings: what is wrong is one sentence."""

from __future__ import annotations

import argparse
import inspect
import re

import pytest
from mmengine.config import Config
from mmengine.runner import runner

from mmseg_gen.engine.config_file import add_config_options, override_config, read_config
from mmseg_gen.errors import UserError


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('a = (', 'SyntaxError'),
        ('a = b', "NameError: name 'b' is not defined"),
        ('a = 1 / 0', 'ZeroDivisionError'),
        ("raise RuntimeError('boo')", 'RuntimeError: boo'),
        ("_base_ = ['gone.py']", r'FileNotFoundError.*gone\.py'),
    ],
)
def test_whatever_a_config_raises_is_a_user_error_that_names_the_file(tmp_path, text, reason):
    path = tmp_path / 'broken.py'
    path.write_text(text)
    with pytest.raises(UserError, match=rf'Expected .*broken\.py to be a config, but it does not load: {reason}'):
        read_config(path)


def test_a_file_of_another_kind_and_a_folder_are_named(tmp_path):
    (tmp_path / 'config.txt').write_text('a = 1')
    with pytest.raises(UserError, match=r'config\.txt to be a config'):
        read_config(tmp_path / 'config.txt')
    with pytest.raises(FileNotFoundError, match='Expected a config file, but there is no'):
        read_config(tmp_path)


@pytest.mark.parametrize(
    ('key', 'meant'), [('modle.depth', 'model'), ('resum', 'resume'), ('synthesi.num_samples', 'synthesis')]
)
def test_a_misspelt_section_is_refused_with_what_was_meant(key, meant):
    config = Config(dict(model=dict(depth=1)))
    with pytest.raises(UserError, match=f'Expected --cfg-options to name a section .* `{key}`; did you mean `{meant}`'):
        override_config(config, {key: 1})
    assert config.to_dict() == dict(model=dict(depth=1))


def test_an_unknown_section_without_a_neighbour_lists_those_of_the_config():
    with pytest.raises(UserError, match='`qqqq`; it has model, work_dir'):
        override_config(Config(dict(work_dir='a', model=dict())), {'qqqq': 1})


def test_new_keys_inside_a_section_and_sections_of_the_runner_are_taken():
    config = Config(dict(default_hooks=dict(logger=dict(type='LoggerHook'))))
    override_config(config, {'default_hooks.refine.type': 'RefinementHook', 'randomness.seed': 3})
    assert config.default_hooks == dict(logger=dict(type='LoggerHook'), refine=dict(type='RefinementHook'))
    assert config.randomness == dict(seed=3)


@pytest.mark.parametrize('key', ['steps.9.type', 'steps.x.type', 'depth.inner'])
def test_a_key_that_leads_nowhere_is_one_sentence(key):
    with pytest.raises(UserError, match=rf'Expected --cfg-options that fit the config, but got {key}'):
        override_config(Config(dict(steps=[dict(type='A')], depth=3)), {key: 'B'})


def test_a_section_is_not_replaced_by_a_number_but_may_be_left_out():
    synthesis = dict(evidence=dict(top_k=2), template=dict(start='a photo'))
    config = Config(dict(val_evaluator=dict(type='A'), synthesis=synthesis))
    with pytest.raises(UserError, match=r'`synthesis.evidence=3` is a section: synthesis.evidence.top_k'):
        override_config(config, {'synthesis.evidence': 3})
    with pytest.raises(UserError, match='`synthesis=embedded` is a section'):
        override_config(config, {'synthesis': 'embedded'})
    override_config(config, {'val_evaluator': None, 'synthesis.template': 'photo'})
    assert config.val_evaluator is None
    assert config.synthesis.template == 'photo'


@pytest.mark.parametrize('text', ['model', '=3', ''])
def test_an_option_without_key_or_value_ends_with_status_2(text, capsys):
    parser = argparse.ArgumentParser()
    add_config_options(parser)
    with pytest.raises(SystemExit) as stop:
        parser.parse_args(['--cfg-options', text])
    assert stop.value.code == 2
    assert 'Expected KEY=VALUE' in capsys.readouterr().err


def test_whatever_the_runner_reads_is_taken():
    names = set(re.findall(r"self\.cfg\.get\(\s*'(\w+)'", inspect.getsource(runner)))
    assert 'find_unused_parameters' in names
    for name in names:
        override_config(Config({}), {name: True})
