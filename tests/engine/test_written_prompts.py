"""Prompts of a config that a language model writes: planned, kept, gone on with, and what is said of mistakes."""

from __future__ import annotations

import multiprocessing

import pytest

from mmseg_gen.engine.prompting import plan_run
from mmseg_gen.engine.settings import SynthesisSettings
from mmseg_gen.engine.synthesis import synthesize
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import read_manifest
from mmseg_gen.generators import language_model
from mmseg_gen.generators.prompts import read_prompts_jsonl
from mmseg_gen.generators.written_prompts import LanguageModelPrompts
from tests.engine.fake_synthesis import BrightLabel, FakeGenerator
from tests.tiny_language_model import save_gpt2
from tests.tiny_models import save_tiny


@pytest.fixture(scope='module')
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp('models')
    return save_gpt2(folder / 'gpt2'), save_tiny(folder / 'sd')


@pytest.fixture
def config(models, tmp_path):
    prompts = dict(
        type='LanguageModelPrompts', model=str(models[0]), file=str(tmp_path / 'prompts.jsonl'), count=2,
        max_new_tokens=4,
    )  # fmt: skip
    return dict(generator=str(models[1]), classes=['cat', 'potted plant'], prompts=prompts, num_samples=7)


def plan(config):
    return plan_run(SynthesisSettings.from_dict(config))


def test_samples_take_the_written_prompts_in_turn(config, tmp_path):
    planned = plan(config)
    written = read_prompts_jsonl(tmp_path / 'prompts.jsonl')
    assert [p.class_name for p in written] == ['cat', 'potted plant'] * 2
    assert [s.prompt for s in planned.samples] == [written[i % 4].text for i in range(7)]
    assert planned.classes == ['cat', 'potted plant']
    assert all(s.class_name in s.prompt for s in planned.samples)
    assert len({s.seed for s in planned.samples}) == 7


def test_what_is_written_is_not_written_again_and_more_of_it_changes_nothing(config, monkeypatch):
    first = plan({**config, 'prompts': {**config['prompts'], 'count': 3}})
    monkeypatch.setattr(language_model, 'load_language_model', lambda *args, **more: pytest.fail('loaded again'))
    assert plan({**config, 'prompts': {**config['prompts'], 'count': 3}}) == first
    fewer, one = plan(config), plan({**config, 'classes': ['potted plant']})
    assert [s.prompt for s in fewer.samples[:4]] == [s.prompt for s in first.samples[:4]]
    assert fewer.identity != first.identity
    assert {s.class_name for s in one.samples} == {'potted plant'}


def test_a_run_is_made_from_them_and_only_from_the_same_ones(config, tmp_path):
    folder = tmp_path / 'set'

    def run(**change):
        cfg = {'synthesis': {**config, 'prompts': {**config['prompts'], **change}}}
        return synthesize(cfg, folder, generator=FakeGenerator(), labeller=BrightLabel())

    assert run().kept == 7
    assert [e.prompt for e in read_manifest(folder)] == [s.prompt for s in plan(config).samples]
    with pytest.raises(UserError, match=r'`synthesis.prompts` = .* was made'):
        run(file=str(tmp_path / 'other.jsonl'), seed=1)
    with pytest.raises(UserError, match='written by the same models and settings'):
        run(temperature=0.5)


def write(arguments, classes, generator, queue):
    queue.put([p.text for p in LanguageModelPrompts(**arguments)(classes, generator)])


def test_processes_that_write_one_file_get_the_same_prompts(config, tmp_path):
    arguments = {name: value for name, value in config['prompts'].items() if name != 'type'}
    context = multiprocessing.get_context('fork')
    queue = context.Queue()
    workers = [
        context.Process(target=write, args=(arguments, config['classes'], config['generator'], queue)) for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    found = [queue.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert found[0] == found[1] == [p.text for p in read_prompts_jsonl(tmp_path / 'prompts.jsonl')]


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        (dict(type='NoSuchWriter'), 'describe a source of prompts.*NoSuchWriter'),
        (dict(count=0), '`prompts.count` to be 1 or more, but got 0'),
        (dict(wit=3), 'keys of PromptWriting.*wit'),
        (dict(top_p=2.0), '`top_p`'),
        (dict(model='no-one/nothing'), 'causal language model at no-one/nothing'),
    ],
)
def test_mistakes_are_named(config, change, text):
    with pytest.raises(UserError, match=text):
        plan({**config, 'prompts': {**config['prompts'], **change}})


def test_a_missing_file_is_named(config):
    without = {name: value for name, value in config['prompts'].items() if name != 'file'}
    with pytest.raises(UserError, match=r'source of prompts, but got .*file'):
        plan({**config, 'prompts': without})
    with pytest.raises(UserError, match=r'or `synthesis\.prompts`, but got both'):
        plan({**config, 'objects': (1, 2)})
