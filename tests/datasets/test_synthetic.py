from __future__ import annotations

import numpy as np
import pytest
from mmengine.registry import DefaultScope

from mmseg_gen.datasets import SyntheticDataset
from mmseg_gen.engine.synthesis import Worker, synthesize
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import read_manifest
from mmseg_gen.registry import DATASETS
from tests.engine.fake_synthesis import BrightLabel, FakeGenerator, fake_config


def make(root, worker=None, **changes):
    synthesize(fake_config(**changes), root, worker=worker, generator=FakeGenerator(bad=[4]), labeller=BrightLabel())
    return root


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return make(tmp_path_factory.mktemp('generated') / 'set')


def test_gives_the_kept_samples_with_all_their_paths(root):
    dataset = DATASETS.build(dict(type='SyntheticDataset', data_root=str(root)))
    entries = [e for e in read_manifest(root) if e.status == 'kept']
    assert len(dataset) == len(entries) == 6
    for i, entry in enumerate(entries):
        info = dataset.get_data_info(i)
        assert info['class_name'] == entry.class_name
        paths = [info['img_path'], info['seg_map_path'], info['evidence_path']]
        assert paths == [str(root / entry.files[kind][0]) for kind in ('image', 'mask', 'evidence')]
    assert dataset.metainfo['classes'] == ('background', 'foreground')


def test_stored_masks_load_as_0_and_1(root):
    pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadBinaryMask'), dict(type='PackSegInputs')]
    with DefaultScope.overwrite_default_scope('mmseg'):
        dataset = SyntheticDataset(str(root), pipeline=pipeline)
    sample = dataset[0]
    expected = sample['inputs'].amin(0) >= 100
    assert np.array_equal(sample['data_samples'].gt_sem_seg.data[0], expected)
    assert 0 < expected.float().mean() < 1


def test_evidence_can_be_labelled_anew(root):
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadEvidence'),
        dict(type='AttentionCutLabel', top_k=1, lam=0.0, min_component=0.0, fill_holes=False),
        dict(type='PackSegInputs'),
    ]
    with DefaultScope.overwrite_default_scope('mmseg'):
        dataset = SyntheticDataset(str(root), label_source='evidence', pipeline=pipeline)
    assert dataset.get_data_info(0)['seg_map_path'] is None
    mask = dataset[0]['data_samples'].gt_sem_seg.data
    assert mask.shape == (1, 24, 24)
    assert set(np.unique(mask)) == {0, 1}


def test_classes_choose_samples(root):
    dataset = SyntheticDataset(str(root), classes=['dog'])
    assert {dataset.get_data_info(i)['class_name'] for i in range(len(dataset))} == {'dog'}
    with pytest.raises(UserError, match='Expected samples of horse'):
        SyntheticDataset(str(root), classes=['horse'])


def test_the_most_uncertain_are_left_out(root):
    ranked = sorted(read_manifest(root), key=lambda e: e.measures.get('uncertainty', -1))
    worst = {e.files['image'][0] for e in ranked[-2:]}
    dataset = SyntheticDataset(str(root), drop_uncertain_share=0.34)
    shown = [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]
    assert len(shown) == 4
    assert not worst & {path.removeprefix(f'{root}/') for path in shown}
    assert shown == sorted(shown)


def test_the_share_of_the_synthesis_is_the_default(tmp_path):
    root = make(tmp_path / 'set', filter={'drop_uncertain_share': 0.5})
    assert len(SyntheticDataset(str(root))) == 3
    assert len(SyntheticDataset(str(root), drop_uncertain_share=0.0)) == 6


def test_shards_are_read_together(tmp_path, root):
    for rank in range(2):
        make(tmp_path / 'set', Worker(rank, 2))
    merged, single = SyntheticDataset(str(tmp_path / 'set')), SyntheticDataset(str(root))
    assert [merged.get_data_info(i)['class_name'] for i in range(6)] == [
        single.get_data_info(i)['class_name'] for i in range(6)
    ]


def test_a_missing_or_empty_set_gives_the_command(tmp_path):
    for folder in (tmp_path, tmp_path / 'none'):
        with pytest.raises(UserError, match=r'python tools/synthesize\.py configs/x\.py'):
            SyntheticDataset(str(folder), made_by='configs/x.py')


def test_arguments_out_of_range_are_named(root):
    with pytest.raises(ValueError, match='label_source'):
        SyntheticDataset(str(root), label_source='masks')
    with pytest.raises(ValueError, match='drop_uncertain_share'):
        SyntheticDataset(str(root), drop_uncertain_share=1.0)
