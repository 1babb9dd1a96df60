"""Photos with the masks that a run made of them, and the rendered photos of the embedded world."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope

from mmseg_gen.datasets.concept_scenes import write_concept_scenes
from mmseg_gen.datasets.index_png import encode_index_png
from mmseg_gen.datasets.label_reading import decode_labels
from mmseg_gen.errors import UserError
from mmseg_gen.functional.photo_records import MANIFEST, PhotoRecord, records_bytes
from mmseg_gen.generators.embedded.scenes import CLASSES, render_scene
from mmseg_gen.registry import DATASETS


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


def write_set(root, outcomes):
    records = []
    for name, outcome in outcomes.items():
        image = root / 'images' / f'{name}.png'
        image.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(image), np.full((10, 14, 3), 90, np.uint8))
        labels = np.zeros((10, 14), np.uint8)
        labels[2:5, 3:9] = 1
        content, files = encode_index_png(labels), {}
        if outcome == 'found':
            path = root / 'masks' / f'{name}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            files = {'mask': (f'masks/{name}.png', len(content))}
        records.append(PhotoRecord(name, str(image), outcome, files))
    (root / MANIFEST).write_bytes(records_bytes(records))


@pytest.mark.parametrize('load', [dict(type='LoadBinaryMask', threshold=1), dict(type='LoadLabels', num_classes=2)])
def test_only_photos_with_a_mask_are_there_and_load(tmp_path, load):
    write_set(tmp_path, {'b': 'found', 'a': 'empty', 'deep/c': 'found'})
    pipeline = [dict(type='LoadImageFromFile'), load]
    found = DATASETS.build(
        dict(type='LabelledPhotosDataset', data_root=str(tmp_path), classes=['background', 'bird'], pipeline=pipeline)
    )
    assert [info['img_path'].rsplit('/', 1)[1] for info in (found.get_data_info(i) for i in range(2))] == [
        'b.png',
        'c.png',
    ]
    assert len(found) == 2
    assert found.metainfo['classes'] == ('background', 'bird')
    labels = found[0]['gt_seg_map']
    assert labels.sum() == 18
    assert set(np.unique(labels)) == {0, 1}


def test_it_joins_a_generated_set(tmp_path):
    from mmseg_gen.datasets import SyntheticDataset

    write_set(tmp_path, {'a': 'found'})
    photos = DATASETS.build(dict(type='LabelledPhotosDataset', data_root=str(tmp_path), pipeline=[]))
    assert {name: photos.metainfo[name] for name in ('classes', 'palette')} == SyntheticDataset.METAINFO


def test_a_set_without_masks_says_what_became_of_the_photos(tmp_path):
    write_set(tmp_path, {'a': 'empty'})
    with pytest.raises(UserError, match=r"\{'empty': 1\}"):
        DATASETS.build(dict(type='LabelledPhotosDataset', data_root=str(tmp_path), pipeline=[]))
    with pytest.raises(ValueError, match='classes'):
        DATASETS.build(dict(type='LabelledPhotosDataset', data_root=str(tmp_path), classes=['one'], pipeline=[]))


def test_scenes_are_those_of_the_renderer_and_their_truth_counts_in_order(tmp_path):
    photos, truth = write_concept_scenes(tmp_path, 2, classes=['car', 'bird'])
    scene = render_scene(1_500_001, 64, ['car', 'bird'])
    image = cv2.imread(str(photos / 'scene_00001.png'))[..., ::-1]
    np.testing.assert_array_equal(image, scene.image)
    path = truth / 'scene_00001.png'
    labels = decode_labels(path.read_bytes(), path)
    bird, car = 1 + CLASSES.index('bird'), 1 + CLASSES.index('car')
    np.testing.assert_array_equal(labels == 1, scene.labels == car)
    np.testing.assert_array_equal(labels == 2, scene.labels == bird)


def test_splits_differ_files_stay_and_wrong_arguments_are_refused(tmp_path):
    photos, _ = write_concept_scenes(tmp_path / 'a', 1)
    others, _ = write_concept_scenes(tmp_path / 'b', 1, split='test')
    name = 'scene_00000.png'
    assert (photos / name).read_bytes() != (others / name).read_bytes()
    before = (photos / name).stat().st_mtime_ns
    write_concept_scenes(tmp_path / 'a', 2)
    assert (photos / name).stat().st_mtime_ns == before
    assert len(list(photos.iterdir())) == 2
    with pytest.raises(UserError, match='size'):
        write_concept_scenes(tmp_path / 'a', 1, size=32)
    with pytest.raises(ValueError, match='classes'):
        write_concept_scenes(tmp_path, 1, classes=['unicorn'])
    with pytest.raises(ValueError, match='split'):
        write_concept_scenes(tmp_path, 1, split='val')
