"""``--cfg-options`` as MMEngine reads them, except that blanks inside a value stay."""

from __future__ import annotations

import argparse

import pytest
from mmengine.config import DictAction

from mmseg_gen.engine.config_file import add_config_options


def parsed(*texts: str) -> dict:
    parser = argparse.ArgumentParser()
    add_config_options(parser)
    return parser.parse_args(['--cfg-options', *texts]).cfg_options


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('[sports car,dog]', ['sports car', 'dog']),
        ('[ sports car , dog ]', ['sports car', 'dog']),
        ("['sports car', (potted plant, 3)]", ['sports car', ('potted plant', 3)]),
        ('a photo of a {class}', 'a photo of a {class}'),
        (' my data/set 1 ', 'my data/set 1'),
        ('a=b c', 'a=b c'),
    ],
)
def test_blanks_inside_a_value_stay(text, value):
    assert parsed(f'synthesis.key={text}') == {'synthesis.key': value}


@pytest.mark.parametrize(
    'text', ['3', '1e-4', 'true', 'None', '1,2', '1, 2', '[a,b]', '[(1,2),[c,(d)]]', '()', "'x'", '']
)
def test_values_without_blanks_are_read_as_mmengine_reads_them(text):
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    assert parsed(f'a.b={text}', 'c=1') == parser.parse_args(['--cfg-options', f'a.b={text}', 'c=1']).cfg_options


def test_the_argument_may_be_given_again():
    parser = argparse.ArgumentParser()
    add_config_options(parser)
    options = parser.parse_args(['--cfg-options', 'a=x y', '--cfg-options', 'b=2', 'a=z z']).cfg_options
    assert options == {'a': 'z z', 'b': 2}
