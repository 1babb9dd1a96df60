"""The data set classes of VOC, Context and COCO: what they ask for, and what they say where it is missing."""

from __future__ import annotations

import numpy as np
import pytest
from mmengine.registry import DefaultScope

from mmseg_gen.datasets import (
    COCO20kDataset,
    COCOObjectDataset,
    Context59Dataset,
    Context60Dataset,
    VOCDataset,
)
from mmseg_gen.datasets.coco_json import COCO_OBJECT_CLASSES
from mmseg_gen.datasets.index_png import encode_index_png
from mmseg_gen.datasets.layouts.coco import write_coco20k_scenes
from mmseg_gen.datasets.layouts.voc import write_voc_scenes
from mmseg_gen.registry import DATASETS


@pytest.fixture
def voc(tmp_path):
    names = write_voc_scenes(tmp_path, {'train': 2, 'val': 5}, size=32)
    return tmp_path, names['val']


def test_they_are_data_sets_of_mmseg_with_its_classes():
    from mmseg.datasets import PascalContextDataset, PascalContextDataset59, PascalVOCDataset

    assert issubclass(VOCDataset, PascalVOCDataset)
    assert issubclass(Context60Dataset, PascalContextDataset)
    assert issubclass(Context59Dataset, PascalContextDataset59)
    assert len(COCOObjectDataset.METAINFO['classes']) == len(COCOObjectDataset.METAINFO['palette']) == 81
    assert len({tuple(color) for color in COCOObjectDataset.METAINFO['palette']}) == 81
    assert COCO_OBJECT_CLASSES[1] == 'person'
    assert COCO_OBJECT_CLASSES[80] == 'toothbrush'


def test_entries_follow_the_list(voc):
    root, names = voc
    dataset = VOCDataset('val', data_root=str(root))
    assert [dataset.get_data_info(i)['img_path'] for i in range(5)] == [f'{root}/JPEGImages/{n}.jpg' for n in names]
    assert 'boxes' not in dataset.get_data_info(0)
    assert dataset.get_data_info(0)['seg_map_path'] == f'{root}/SegmentationClass/{names[0]}.png'


def test_a_list_of_ones_own_and_a_subset_of_classes(voc):
    root, names = voc
    (root / 'mine.txt').write_text(f'{names[2]}.jpg\n')
    metainfo = {'classes': ('person', 'dog')}
    dataset = VOCDataset(ann_file='mine.txt', data_root=str(root), metainfo=metainfo)
    assert len(dataset) == 1
    assert dataset.get_data_info(0)['label_map'][15] == 0
    assert dataset.get_data_info(0)['label_map'][12] == 1


def test_boxes_travel_without_masks(voc):
    root, _ = voc
    for path in (root / 'SegmentationClass').iterdir():
        path.unlink()
    dataset = VOCDataset('val', data_root=str(root), with_masks=False, with_boxes=True)
    info = dataset.get_data_info(1)
    assert 'seg_map_path' not in info
    assert info['boxes'].shape == (2, 4)
    assert info['box_labels'].shape == info['box_difficult'].shape == (2,)


def test_missing_parts_are_named(voc):
    root, names = voc
    with pytest.raises(ValueError, match=r'no file .*Segmentation/test\.txt'):
        VOCDataset('test', data_root=str(root))
    with pytest.raises(ValueError, match='`split`'):
        VOCDataset(data_root=str(root))
    (root / f'SegmentationClass/{names[3]}.png').unlink()
    with pytest.raises(ValueError, match=rf'label map .* 1 of 5 are missing \(.*{names[3]}\.png'):
        VOCDataset('val', data_root=str(root))
    (root / f'JPEGImages/{names[4]}.jpg').unlink()
    with pytest.raises(ValueError, match=rf'images of VOCDataset, but 1 of 5 are missing \(.*{names[4]}\.jpg'):
        VOCDataset('val', data_root=str(root))
    (root / f'Annotations/{names[0]}.xml').write_text('<annotation>')
    (root / 'some.txt').write_text(names[0])
    with pytest.raises(ValueError, match=rf'{names[0]}\.xml is damaged'):
        VOCDataset(ann_file='some.txt', data_root=str(root), with_boxes=True)


def test_the_same_image_twice_is_refused_also_under_two_folders(voc):
    root, names = voc
    (root / 'some.txt').write_text(f'a/{names[0]}\nb/{names[0]}.jpg\n')
    with pytest.raises(ValueError, match=rf'each image of .*some\.txt once, but got {names[0]}'):
        VOCDataset(ann_file='some.txt', data_root=str(root))


@pytest.mark.parametrize('cls', [Context59Dataset, Context60Dataset])
def test_context_names_its_missing_list(tmp_path, cls):
    with pytest.raises(ValueError, match=r'SegmentationContext/val\.txt'):
        cls('val', data_root=str(tmp_path))
    with pytest.raises(ValueError, match='`split`'):
        cls(data_root=str(tmp_path))


def test_coco_object_takes_all_of_a_folder(tmp_path):
    for name in ('b', 'a'):
        for folder, suffix, content in (('val2017', 'jpg', b''), ('object_labels/val2017', 'png', b'')):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / f'{name}.{suffix}').write_bytes(content)
    dataset = COCOObjectDataset('val2017', data_root=str(tmp_path))
    assert [dataset.get_data_info(i)['img_path'][-5:] for i in range(2)] == ['a.jpg', 'b.jpg']
    with pytest.raises(ValueError, match='no such folder'):
        COCOObjectDataset('train2017', data_root=str(tmp_path))
    with pytest.raises(ValueError, match='`split`'):
        COCOObjectDataset(data_root=str(tmp_path))


def test_coco20k_needs_the_boxes_of_each_image_of_its_list(tmp_path):
    names = write_coco20k_scenes(tmp_path, 2, size=32)
    dataset = COCO20kDataset(data_root=str(tmp_path))
    assert len(dataset) == 2
    assert dataset.get_data_info(0)['boxes'].dtype == np.float32
    assert dataset.get_data_info(0)['img_path'].endswith(f'train2014/{names[0]}.jpg')
    (tmp_path / 'train2014/extra.jpg').touch()
    (tmp_path / 'annotations/coco_20k_filenames.txt').write_text('extra.jpg\n')
    with pytest.raises(ValueError, match=r'boxes of extra in .*instances_train2014\.json'):
        COCO20kDataset(data_root=str(tmp_path))


def test_a_bad_label_map_stops_the_pipeline(voc):
    root, names = voc
    pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadLabels', num_classes=21), dict(type='PackSegInputs')]
    config = dict(type='VOCDataset', split='val', data_root=str(root), pipeline=pipeline)
    with DefaultScope.overwrite_default_scope('mmseg'):
        dataset = DATASETS.build(config)
    assert dataset[0]['data_samples'].gt_sem_seg.data.max() <= 255
    path = root / f'SegmentationClass/{names[0]}.png'
    path.write_bytes(encode_index_png(np.full((32, 32), 21, np.uint8)))
    with pytest.raises(ValueError, match=rf'got 21 in .*{names[0]}\.png'):
        dataset[0]
    path.write_bytes(encode_index_png(np.ones((32, 30), np.uint8)))
    with pytest.raises(ValueError, match=rf'{names[0]}\.png to have the size'):
        dataset[0]
