from __future__ import annotations

import copy
import pickle

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from PIL import Image

from mmseg_gen.datasets.index_png import encode_index_png
from mmseg_gen.datasets.transforms import LoadLabels
from mmseg_gen.functional.palette import voc_palette
from mmseg_gen.registry import TRANSFORMS

LABELS = np.array([[0, 1, 2], [255, 2, 0]], np.uint8)


def results_for(path, labels=LABELS, **more) -> dict:
    path.write_bytes(encode_index_png(labels))
    return {'seg_map_path': str(path), 'reduce_zero_label': False, 'label_map': None, 'seg_fields': [], **more}


@pytest.mark.parametrize('reduce_zero_label', [False, True])
def test_good_files_are_loaded_as_mmseg_loads_them(tmp_path, reduce_zero_label):
    from mmseg.datasets.transforms import LoadAnnotations

    results = results_for(tmp_path / 'a.png', ori_shape=(2, 3), reduce_zero_label=reduce_zero_label)
    expected = LoadAnnotations()(copy.deepcopy(results))
    with DefaultScope.overwrite_default_scope('mmseg'):
        loader = TRANSFORMS.build(dict(type='LoadLabels', num_classes=3))
    found = pickle.loads(pickle.dumps(loader))(results)
    assert found['seg_fields'] == expected['seg_fields'] == ['gt_seg_map']
    assert found['gt_seg_map'].dtype == np.uint8
    assert np.array_equal(found['gt_seg_map'], expected['gt_seg_map'])
    found['gt_seg_map'][:] = 1  # later transforms write into it


def test_a_file_of_another_size_or_kind_is_named(tmp_path):
    loader = LoadLabels(num_classes=3)
    with pytest.raises(ValueError, match=r'a\.png to have the size of its image'):
        loader(results_for(tmp_path / 'a.png', ori_shape=(3, 2)))
    with pytest.raises(ValueError, match=r'got 2 in .*a\.png'):
        LoadLabels(num_classes=2)(results_for(tmp_path / 'a.png'))
    with pytest.raises(ValueError, match='only 0 and 255'):
        loader(results_for(tmp_path / 'a.png', np.array([[0, 255]], np.uint8)))
    results = results_for(tmp_path / 'a.png')
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((2, 3, 3), np.uint8))
    with pytest.raises(ValueError, match='got colours'):
        loader(results)
    Image.fromarray(LABELS.astype(np.uint16) + 256).save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match=r'got 256, 257'):
        loader(results)


def test_a_palette_of_other_indices_is_refused_where_vocs_is_expected(tmp_path):
    results = results_for(tmp_path / 'a.png')
    image = Image.fromarray(LABELS)
    colors = voc_palette()
    colors[[1, 2]] = colors[[2, 1]]
    image.putpalette(colors.tobytes())
    image.save(tmp_path / 'a.png')
    assert np.array_equal(LoadLabels(num_classes=3)(dict(results, seg_fields=[]))['gt_seg_map'], LABELS)
    with pytest.raises(ValueError, match=r'a\.png, but index 1 has the colour of class id 2'):
        LoadLabels(num_classes=3, palette='voc')(results)
    with pytest.raises(ValueError, match='`palette`'):
        LoadLabels(num_classes=3, palette='coco')


@pytest.mark.parametrize('num_classes', [0, 256])
def test_settings_out_of_range_are_named(num_classes):
    with pytest.raises(ValueError, match=f'`num_classes`.*{num_classes}'):
        LoadLabels(num_classes)
