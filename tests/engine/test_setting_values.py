"""Sections of configs: plain values, unknown keys, and where two of them differ."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from mmengine.config import ConfigDict

from mmseg_gen.engine.setting_values import first_difference, plain_values, refuse_unknown
from mmseg_gen.errors import UserError


@dataclass
class Kind:
    a: int = 0
    b: int = 0


def test_the_first_difference_has_a_dotted_name():
    assert first_difference({'a': 1, 'b': {'c': 2, 'd': 3}}, {'a': 1, 'b': {'c': 2, 'd': 4}}) == 'b.d'
    assert first_difference({'a': [1]}, {'a': [1]}) is None
    assert first_difference({'a': 1}, {}) == 'a'


def test_configs_become_dicts_and_lists():
    config = ConfigDict(a=(1, {'b': (2,)}), _scope_='mmseg', c=ConfigDict(_scope_='mmseg', d=None))
    found = plain_values(config)
    assert found == {'a': [1, {'b': [2]}], 'c': {'d': None}}
    assert type(found) is type(found['c']) is dict


def test_unknown_keys_are_named_with_those_there_are():
    refuse_unknown('x.y', {'b': 1}, Kind)
    with pytest.raises(UserError, match=r'Expected `x\.y` with keys from a, b, but got c, d'):
        refuse_unknown('x.y', {'d': 1, 'c': 1, 'a': 1}, Kind)
    with pytest.raises(UserError, match=r'Expected `x\.y` to be a dict, but got \[1\]'):
        refuse_unknown('x.y', [1], Kind)
