"""The held-out scenes with label maps."""

from __future__ import annotations

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from PIL import Image

from mmseg_gen.datasets.labelled_scenes import LabelledScenesDataset, write_labelled_scenes
from mmseg_gen.errors import UserError
from mmseg_gen.generators.embedded.scenes import CLASSES


def test_labels_are_the_classes_that_were_drawn(tmp_path):
    shown = write_labelled_scenes(tmp_path, 12, size=32)
    assert {len(names) for names in shown} == {1, 2}
    pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadLabels', num_classes=len(CLASSES) + 1)]
    with DefaultScope.overwrite_default_scope('mmseg'):
        dataset = LabelledScenesDataset(data_root=str(tmp_path), pipeline=pipeline)
        assert dataset.metainfo['classes'] == ('background', *CLASSES)
        assert len(dataset) == 12
        for results, names in zip(dataset, shown, strict=True):
            assert results['gt_seg_map'].shape == results['img'].shape[:2] == (32, 32)
            assert set(np.unique(results['gt_seg_map'])) == {0, *(1 + CLASSES.index(name) for name in names)}


def test_more_scenes_leave_the_first_as_they_are(tmp_path):
    first = write_labelled_scenes(tmp_path / 'a', 3, size=32)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / 'a').rglob('*.png')}
    (tmp_path / 'a' / 'labels' / 'scene_000001.png').unlink()
    assert write_labelled_scenes(tmp_path / 'a', 5, size=32)[:3] == first
    write_labelled_scenes(tmp_path / 'b', 5, size=32)
    for path in (tmp_path / 'b').rglob('*.png'):
        assert (tmp_path / 'a' / path.relative_to(tmp_path / 'b')).read_bytes() == path.read_bytes()
    kept = [p for p in before if 'scene_000001' not in p.name]
    assert all(p.stat().st_mtime_ns == before[p] for p in kept)


def test_a_set_renders_its_missing_scenes_and_others_share_none(tmp_path):
    with DefaultScope.overwrite_default_scope('mmseg'):
        for _ in range(2):
            dataset = LabelledScenesDataset(data_root=str(tmp_path / 'a'), render=3, pipeline=[])
            assert len(dataset) == 3
        other = LabelledScenesDataset(data_root=str(tmp_path / 'b'), render=2, first=2, pipeline=[])
        assert len(other) == 2
    write_labelled_scenes(tmp_path / 'c', 4)
    for folder, numbers in (('a', (0, 1, 2)), ('b', (2, 3))):
        paths = sorted((tmp_path / folder).rglob('*.png'))
        assert [p.stem for p in paths] == [f'scene_{n:06d}' for n in numbers] * 2
        assert all(p.read_bytes() == (tmp_path / 'c' / p.relative_to(tmp_path / folder)).read_bytes() for p in paths)


def test_index_images_hold_small_numbers(tmp_path):
    write_labelled_scenes(tmp_path, 1, size=32)
    assert Image.open(tmp_path / 'labels' / 'scene_000000.png').mode == 'P'


def test_wrong_arguments_are_named(tmp_path):
    with pytest.raises(ValueError, match='`count` to be 1 or more, but got 0'):
        write_labelled_scenes(tmp_path, 0)
    with pytest.raises(ValueError, match='`objects` with 1 <= least'):
        write_labelled_scenes(tmp_path, 1, objects=(0, 2))
    write_labelled_scenes(tmp_path, 1, size=32)
    with pytest.raises(UserError, match='of `size` 64, but it has 32'):
        write_labelled_scenes(tmp_path, 1)
