from __future__ import annotations

import json

import pytest

from mmseg_gen.engine.planning import Sample, plan_batches, plan_samples
from mmseg_gen.engine.prompting import plan_run, resolve_classes
from mmseg_gen.engine.settings import SynthesisSettings
from mmseg_gen.errors import UserError


def samples(count, classes=('dog', 'cat')):
    return plan_samples(classes, count, 0, lambda index, name, seed: f'a {name}')


def test_a_longer_plan_begins_with_the_shorter_one():
    assert samples(9)[:4] == samples(4)


def test_batches_cover_every_sample_once_in_order():
    for count in range(1, 14):
        for first in (1, 4):
            batches = plan_batches(samples(count), first, 3)
            assert [s.index for b in batches for s in b] == list(range(count))
            assert len(batches[0]) == min(first, count)
            assert all(len(b) == 3 for b in batches[1:-1])


def test_file_names_hold_no_odd_characters():
    assert Sample(3, 'Fire Engine / red', 'p', 0).name == '000003_fire-engine-red'
    assert Sample(3, '犬', 'p', 0).name == '000003_class'


def test_a_prompt_without_its_class_is_refused():
    with pytest.raises(UserError, match="name its class 'dog'"):
        plan_samples(['dog'], 1, 0, lambda index, name, seed: 'a photo')


def test_class_lists_have_names():
    assert 'dog' in resolve_classes('embedded')
    assert len(resolve_classes('voc')) == 20
    with pytest.raises(ValueError, match='nowhere'):
        resolve_classes('nowhere')


def test_prompts_of_ones_own(tmp_path):
    lines = [{'prompt': 'two cats and a dog', 'class': 'dog'}, {'prompt': 'a cup', 'class': 'cup'}]
    (tmp_path / 'p.jsonl').write_text('\n'.join(map(json.dumps, lines)))
    settings = SynthesisSettings.from_dict({'prompts': str(tmp_path / 'p.jsonl'), 'num_samples': 3})
    plan = plan_run(settings)
    assert [(s.class_name, s.prompt) for s in plan.samples] == [
        ('dog', 'two cats and a dog'), ('cup', 'a cup'), ('dog', 'two cats and a dog'),
    ]  # fmt: skip
    assert plan.classes == ['dog', 'cup']
    assert len(plan.identity['prompts']) == 64


@pytest.mark.parametrize('template', [None, 'photo', 'the {class}', ['the {class}', 'one {class}'],
                                      {'templates': ['{class} {scene}'], 'scenes': ['at sea']}])  # fmt: skip
def test_templates_take_several_forms(template):
    settings = SynthesisSettings.from_dict({'classes': ['boat'], 'template': template, 'num_samples': 5})
    plan = plan_run(settings)
    assert all('boat' in s.prompt for s in plan.samples)
    if isinstance(template, dict):
        assert {s.prompt for s in plan.samples} == {'boat at sea'}
