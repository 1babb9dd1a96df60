"""Sets of several classes: prompts, label maps, filters, resuming."""

from __future__ import annotations

import collections
import os

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmseg_gen.datasets import SyntheticDataset
from mmseg_gen.datasets.transforms import AttentionCutLabel, SceneCutLabel
from mmseg_gen.engine.manifest import read_manifest
from mmseg_gen.engine.pairs import GeneratedPair
from mmseg_gen.engine.planning import plan_scenes
from mmseg_gen.engine.prompting import plan_run
from mmseg_gen.engine.settings import SynthesisSettings
from mmseg_gen.engine.synthesis import Worker, synthesize
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import label_classes
from tests.engine.fake_synthesis import FakeGenerator, fake_config, tree
from tests.engine.scene_synthesis import CLASSES, SceneGenerator, config, read, run, truth_of


@pytest.fixture(autouse=True)
def _scope_of_mmseg():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, 'fsync', lambda handle: None)


def test_label_maps_hold_the_ids_of_the_classes(tmp_path):
    assert run(tmp_path / 'set').kept == 8
    plan = plan_run(SynthesisSettings.from_dict(config()['synthesis'])).samples
    for entry, sample in zip(read_manifest(tmp_path / 'set'), plan, strict=True):
        labels = read(tmp_path / 'set' / entry.files['mask'][0])
        assert np.array_equal(labels, truth_of(sample))
        assert entry.class_names == sample.class_names
        assert entry.class_name == sample.class_names[0] == CLASSES[entry.index % 4]
        assert entry.measures['area'] == pytest.approx((labels > 0).mean(), abs=1e-6)
        assert entry.measures['missing'] == 0
    assert {len(s.class_names) for s in plan} == {1, 2}
    assert label_classes(tmp_path / 'set') == ['background', *CLASSES]


def test_every_class_begins_equally_often_and_none_stands_twice():
    samples = plan_scenes(CLASSES, (1, 3), 400, 0, lambda names, seed: ' and a '.join(names))
    assert collections.Counter(s.class_name for s in samples) == dict.fromkeys(CLASSES, 100)
    assert all(len(set(s.class_names)) == len(s.class_names) for s in samples)
    assert all([CLASSES[i - 1] for i in s.class_ids] == list(s.class_names) for s in samples)
    sizes = collections.Counter(len(s.class_names) for s in samples)
    assert all(100 <= sizes[n] <= 170 for n in (1, 2, 3))
    assert samples[:30] == plan_scenes(CLASSES, (1, 3), 30, 0, lambda names, seed: ' and a '.join(names))


@pytest.mark.parametrize('template', [None, 'photo', 'embedded'])
def test_prompts_name_every_class(template):
    settings = dict(classes=['dog', 'orange', 'cup'], objects=[2, 3], template=template, num_samples=12)
    for sample in plan_run(SynthesisSettings.from_dict(settings)).samples:
        assert all(f' {name}' in sample.prompt for name in sample.class_names)
        assert 'a orange' not in sample.prompt
        assert len(sample.class_names) >= 2


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(objects=[2, 1]), '1 <= least <= greatest'),
        (dict(objects=[0, 1]), '1 <= least <= greatest'),
        (dict(objects=[1, 5]), 'hold 5 to 254 classes'),
        (dict(objects=[1, 2], prompts='p.jsonl'), 'objects` or `synthesis.prompts'),
        (dict(filter=dict(clip_agreement='maybe')), "None, 'drop', 'mark', but got 'maybe'"),
        (dict(filter=dict(max_missing=-1)), 'max_missing` to be 0 or more'),
    ],
)
def test_wrong_settings_are_named(tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        run(tmp_path / 'set', **change)


def test_an_absent_class_forces_no_region_and_may_drop_the_sample(tmp_path):
    generator = SceneGenerator(absent=['cup'])
    with_cup = [i for i, s in enumerate(plan_run(SynthesisSettings.from_dict(config()['synthesis'])).samples)
                if 'cup' in s.class_names]  # fmt: skip
    run(tmp_path / 'any', generator)
    for entry in read_manifest(tmp_path / 'any'):
        assert not (read(tmp_path / 'any' / entry.files['mask'][0]) == 1 + CLASSES.index('cup')).any()
        assert entry.measures['missing'] == (entry.index in with_cup)
    report = run(tmp_path / 'all', generator, filter=dict(max_missing=0))
    assert sum(report.dropped.values()) == len(with_cup)
    assert 'classes missing' in report.dropped or report.dropped == {'empty mask': len(with_cup)}


def test_a_finished_set_resumes_to_the_same_bytes(tmp_path):
    run(tmp_path / 'whole')
    run(tmp_path / 'set', num_samples=5)
    for path in ('masks', 'evidence'):
        next((tmp_path / 'set' / path).iterdir()).write_bytes(b'half')
    run(tmp_path / 'set')
    assert tree(tmp_path / 'set') == tree(tmp_path / 'whole')
    for rank in (1, 0):
        run(tmp_path / 'two', worker=Worker(rank, 2))
    assert read_manifest(tmp_path / 'two') == read_manifest(tmp_path / 'whole')


def test_other_numbers_of_objects_are_refused(tmp_path):
    run(tmp_path / 'set')
    with pytest.raises(UserError, match=r'synthesis\.objects` = \[1, 2\]'):
        run(tmp_path / 'set', objects=[1, 3])


def test_clip_drops_or_marks(tmp_path):
    clip = {0: (0.6, True), 1: (0.2, False), 2: (0.1, False)}
    report = run(tmp_path / 'drop', SceneGenerator(clip=clip), filter=dict(clip_agreement='drop'))
    assert report.dropped == {'another class for CLIP': 2}
    assert run(tmp_path / 'mark', SceneGenerator(clip=clip), filter=dict(clip_agreement='mark')).kept == 8
    entries = read_manifest(tmp_path / 'mark')
    assert [e.measures.get('clip_agrees') for e in entries[:4]] == [1, 0, 0, None]
    assert len(SyntheticDataset(str(tmp_path / 'mark'))) == 8
    assert len(SyntheticDataset(str(tmp_path / 'mark'), only_recognised=True)) == 6


def test_a_set_of_one_class_is_filtered_too(tmp_path):
    class Asked(FakeGenerator):
        def _pair(self, sample, rounding):
            pair = super()._pair(sample, rounding)
            return GeneratedPair(pair.image, pair.evidence, 0.5, sample.index != 3)

    labeller = AttentionCutLabel(top_k=1, bias=3.0)
    report = synthesize(
        fake_config(filter=dict(clip_agreement='drop')), tmp_path / 'set', generator=Asked(), labeller=labeller
    )
    assert report.dropped['another class for CLIP'] == 1
    assert label_classes(tmp_path / 'set') is None


def test_the_wrong_labeller_is_named(tmp_path):
    with pytest.raises(UserError, match=r'SceneEvidence|evidence'):
        synthesize(fake_config(labeller=dict(type='SceneCutLabel')), tmp_path / 'set', generator=FakeGenerator())
    with pytest.raises(ValueError, match=r'synthesis\.objects'):
        SceneCutLabel().transform({'img': np.zeros((8, 8, 3), np.uint8)})


def test_the_multiclass_config_names_its_set(repository):
    cfg = Config.fromfile(repository / 'configs/embedded_multiclass.py')
    settings = SynthesisSettings.from_dict(cfg.synthesis)
    assert settings.objects == (1, 2)
    assert cfg.model.decode_head.num_classes == len(plan_run(settings).classes) + 1
