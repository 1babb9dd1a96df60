"""Sets of several classes: prompts, label maps, filters, resuming, and reading by SyntheticDataset."""

from __future__ import annotations

import collections
import os

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from PIL import Image

from mmseg_gen.datasets import SyntheticDataset
from mmseg_gen.datasets.transforms import AttentionCutLabel, LoadEvidence, SceneCutLabel
from mmseg_gen.engine.manifest import read_manifest
from mmseg_gen.engine.pair_generator import DiffusionPairGenerator
from mmseg_gen.engine.pairs import GeneratedPair
from mmseg_gen.engine.planning import Sample, plan_scenes
from mmseg_gen.engine.prompting import plan_run
from mmseg_gen.engine.settings import EvidenceSettings, SynthesisSettings
from mmseg_gen.engine.synthesis import Worker, synthesize
from mmseg_gen.errors import UserError
from mmseg_gen.functional.evidence import Evidence
from mmseg_gen.functional.manifest import Entry, entry_from_line, entry_to_line, label_classes
from mmseg_gen.functional.scene_evidence import SceneEvidence
from mmseg_gen.generators.clip_prior import ClipPrior
from mmseg_gen.generators.scene_evidence import scene_token_positions
from tests.engine.fake_synthesis import FakeGenerator, fake_config, tree
from tests.tiny_models import tiny_parts, tiny_tokenizer

CLASSES = ['dog', 'cat', 'fire engine', 'cup']
SIDE, GRID = 24, 12
COLORS = np.array([[60, 60, 60], [230, 40, 40], [40, 230, 40], [40, 40, 230], [230, 230, 40]], np.uint8)


@pytest.fixture(autouse=True)
def _scope_of_mmseg():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, 'fsync', lambda handle: None)


class SceneGenerator:
    """Paints each class of a sample as a square of its own colour; ``absent`` classes are left out."""

    def __init__(self, absent=(), clip=None):
        self.absent, self.clip = set(absent), clip or {}

    def describe(self):
        return 'squares'

    def generate(self, samples):
        return [self._pair(sample) for sample in samples]

    def _pair(self, sample):
        truth = truth_of(sample, self.absent)
        classes = []
        for class_id in sample.class_ids:
            inside = truth[::2, ::2] == class_id
            cross = np.stack([0.2 + 0.6 * inside] * 2)
            classes.append(Evidence(cross, cross.std((1, 2)), inside * 0.5, np.full((4, GRID, GRID), 0.1)))
        scene = SceneEvidence(sample.class_ids, tuple(classes))
        return GeneratedPair(COLORS[truth], scene, *self.clip.get(sample.index, (None, None)))


def truth_of(sample, absent=()):
    truth = np.zeros((SIDE, SIDE), np.uint8)
    for place, (name, class_id) in enumerate(zip(sample.class_names, sample.class_ids, strict=True)):
        if name not in absent:
            truth[6:18, 2 + 12 * place : 10 + 12 * place] = class_id
    return truth


def config(**changes):
    settings = dict(
        classes=CLASSES, objects=[1, 2], num_samples=8, labeller=dict(type='SceneCutLabel', min_contrast=0.05)
    )
    return fake_config(**{**settings, **changes})


def run(root, generator=None, worker=None, **changes):
    return synthesize(config(**changes), root, generator=generator or SceneGenerator(), worker=worker)


def read(path):
    return np.array(Image.open(path))


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


def test_lines_of_one_class_are_those_of_earlier_versions():
    entry = Entry(0, '000000_dog', 'dog', 'a dog', 1)
    assert 'class_names' not in entry_to_line(entry)
    assert entry_from_line(entry_to_line(entry)) == entry
    scene = Entry(0, '000000_dog', 'dog', 'a dog and a cat', 1, class_names=('dog', 'cat'))
    assert entry_from_line(entry_to_line(scene)) == scene


def test_the_data_set_takes_its_classes_from_the_folder(tmp_path):
    run(tmp_path / 'set', labeller=dict(type='SceneCutLabel', ignore_width=1))
    pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadLabels', num_classes=5)]
    dataset = SyntheticDataset(str(tmp_path / 'set'), pipeline=pipeline)
    assert dataset.metainfo['classes'] == ('background', *CLASSES)
    assert len(dataset.metainfo['palette']) == 5
    assert dataset.metainfo['label_map'] is None
    plan = plan_run(SynthesisSettings.from_dict(config()['synthesis'])).samples
    for results, sample in zip(dataset, plan, strict=True):
        labels, truth = results['gt_seg_map'], truth_of(sample)
        assert np.array_equal(labels[labels != 255], truth[labels != 255])
        assert (labels == 255).any()
        assert results['class_names'] == sample.class_names
    assert len(SyntheticDataset(str(tmp_path / 'set'), classes=['cup'])) == sum('cup' in s.class_names for s in plan)


def test_other_class_lists_renumber(tmp_path):
    run(tmp_path / 'set')
    pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadLabels', num_classes=5)]
    chosen = dict(classes=('background', 'cup', 'dog'))
    dataset = SyntheticDataset(str(tmp_path / 'set'), pipeline=pipeline, metainfo=chosen)
    plan = plan_run(SynthesisSettings.from_dict(config()['synthesis'])).samples
    for results, sample in zip(dataset, plan, strict=True):
        assert np.array_equal(results['gt_seg_map'], np.array([0, 2, 255, 255, 1])[truth_of(sample)])
    with pytest.raises(ValueError, match=r'classes of the set, background, dog, .*but got background, horse'):
        SyntheticDataset(str(tmp_path / 'set'), metainfo=dict(classes=('background', 'horse')))
    with pytest.raises(ValueError, match='leave `metainfo` out'):
        SyntheticDataset(str(tmp_path / 'set'), metainfo=chosen, label_source='evidence')


def test_labels_made_anew_are_those_on_disk(tmp_path):
    run(tmp_path / 'set')
    labeller = SceneCutLabel(min_contrast=0.05)
    for sample in SyntheticDataset(str(tmp_path / 'set'), label_source='evidence'):
        results = {**sample, 'img': cv2.imread(sample['img_path'])}
        results = labeller.transform(LoadEvidence().transform(results))
        stored = tmp_path / 'set' / 'masks' / f'{os.path.basename(sample["img_path"])}'
        assert np.array_equal(results['gt_seg_map'], read(stored))
        assert results['seg_fields'] == ['gt_seg_map']


def test_the_wrong_labeller_is_named(tmp_path):
    with pytest.raises(UserError, match=r'SceneEvidence|evidence'):
        synthesize(fake_config(labeller=dict(type='SceneCutLabel')), tmp_path / 'set', generator=FakeGenerator())
    with pytest.raises(ValueError, match=r'synthesis\.objects'):
        SceneCutLabel().transform({'img': np.zeros((8, 8, 3), np.uint8)})


def test_words_inside_other_classes_belong_to_those():
    tokenizer = tiny_tokenizer()
    prompt = 'a photo of a red dog and a dog'
    together = scene_token_positions(tokenizer, prompt, ['dog', 'red dog'])
    assert together == [[9], [5, 6]]
    with pytest.raises(UserError, match="name 'dog' by itself"):
        scene_token_positions(tokenizer, 'a photo of a red dog', ['dog', 'red dog'])


def test_evidence_of_each_class_is_that_of_asking_for_it_alone():
    generator = DiffusionPairGenerator(
        tiny_parts(clip=True), steps=2, guidance=3.0, evidence=EvidenceSettings(top_k=2, num_seeds=4)
    )
    prompt = 'a photo of a cat and a dog'
    scenes = [
        Sample(0, 'cat', prompt, 11, ('cat', 'dog'), (1, 2)),
        Sample(1, 'dog', 'a photo of a dog', 12, ('dog',), (2,)),
    ]
    pairs = generator.generate(scenes)
    assert [p.evidence.class_ids for p in pairs] == [(1, 2), (2,)]
    for i, name in enumerate(('cat', 'dog')):
        alone = generator.generate([Sample(0, name, prompt, 11)])[0].evidence
        for field in ('cross', 'deviation', 'affinity'):
            np.testing.assert_allclose(
                getattr(pairs[0].evidence.classes[i], field), getattr(alone, field), rtol=1e-3, atol=1e-5
            )


def test_clip_agrees_where_its_first_classes_are_the_samples():
    parts = tiny_parts(clip=True)
    prior = ClipPrior(parts.clip, ['cat', 'dog', 'bird'])
    generator = DiffusionPairGenerator(parts, steps=1, evidence=EvidenceSettings(top_k=2, num_seeds=4), prior=prior)

    class Rows:
        names = prior.names

        @staticmethod
        def probabilities(images):
            import torch

            return torch.tensor([[0.2, 0.5, 0.3], [0.2, 0.5, 0.3], [0.2, 0.5, 0.3]])[: len(images)]

    generator.prior = Rows
    samples = [
        Sample(0, 'dog', 'a photo of a dog', 1),
        Sample(1, 'cat', 'a photo of a cat', 1),
        Sample(2, 'bird', 'a photo of a bird and a dog', 1, ('bird', 'dog'), (3, 2)),
    ]
    assert generator._ask_clip([None] * 3, samples) == [
        (pytest.approx(0.5), True), (pytest.approx(0.2), False), (pytest.approx(0.3), True),
    ]  # fmt: skip


def test_the_multiclass_config_names_its_set(repository):
    cfg = Config.fromfile(repository / 'configs/embedded_multiclass.py')
    settings = SynthesisSettings.from_dict(cfg.synthesis)
    assert settings.objects == (1, 2)
    assert cfg.model.decode_head.num_classes == len(plan_run(settings).classes) + 1
