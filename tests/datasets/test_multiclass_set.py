"""Generated sets of several classes, read by SyntheticDataset."""

from __future__ import annotations

import os

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope

from mmseg_gen.datasets import SyntheticDataset
from mmseg_gen.datasets.transforms import LoadEvidence, SceneCutLabel
from mmseg_gen.engine.prompting import plan_run
from mmseg_gen.engine.settings import SynthesisSettings
from mmseg_gen.functional.manifest import Entry, entry_from_line, entry_to_line
from tests.engine.scene_synthesis import CLASSES, config, read, run, truth_of


@pytest.fixture(autouse=True)
def _scope_of_mmseg():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, 'fsync', lambda handle: None)


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


def test_lines_of_one_class_are_those_of_earlier_versions():
    entry = Entry(0, '000000_dog', 'dog', 'a dog', 1)
    assert 'class_names' not in entry_to_line(entry)
    assert entry_from_line(entry_to_line(entry)) == entry
    scene = Entry(0, '000000_dog', 'dog', 'a dog and a cat', 1, class_names=('dog', 'cat'))
    assert entry_from_line(entry_to_line(scene)) == scene
