import copy
import pickle

import cv2
import numpy as np
import pytest
from PIL import Image

from mmseg_gen.datasets.transforms.load_binary_mask import LoadBinaryMask
from mmseg_gen.registry import TRANSFORMS


def load(path, **settings):
    results = {'seg_map_path': str(path), 'seg_fields': [], 'label_map': None, 'reduce_zero_label': False}
    return TRANSFORMS.build({'type': 'LoadBinaryMask', **settings})(results)


def test_the_threshold_parts_the_grey_levels(tmp_path):
    grey = np.array([[0, 1, 127], [128, 200, 255]], np.uint8)
    cv2.imwrite(str(tmp_path / 'a.png'), grey)
    results = load(tmp_path / 'a.png')
    assert results['gt_seg_map'].tolist() == [[0, 0, 0], [1, 1, 1]]
    assert results['gt_seg_map'].dtype == np.uint8
    assert results['seg_fields'] == ['gt_seg_map']
    assert load(tmp_path / 'a.png', threshold=1)['gt_seg_map'].sum() == 5


@pytest.mark.parametrize('channels', [3, 4])
def test_colour_and_transparent_files_read_as_grey(tmp_path, channels):
    mask = np.random.default_rng(0).random((5, 8)) > 0.5
    pixels = np.repeat(mask[..., None].astype(np.uint8) * 255, channels, 2)
    pixels[..., 3:] = 255
    cv2.imwrite(str(tmp_path / 'a.png'), pixels)
    assert (load(tmp_path / 'a.png')['gt_seg_map'] == mask).all()


def test_sixteen_bits_do_not_wrap_around(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.array([[0, 256, 30000, 65535]], np.uint16))
    assert load(tmp_path / 'a.png')['gt_seg_map'].tolist() == [[0, 0, 0, 1]]


def test_an_empty_mask_is_background(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((4, 5), np.uint8))
    assert not load(tmp_path / 'a.png')['gt_seg_map'].any()


def test_masks_of_zero_and_one_are_refused_with_the_cure(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.eye(4, dtype=np.uint8))
    with pytest.raises(ValueError, match=r'a\.png.*`threshold=1`'):
        load(tmp_path / 'a.png')
    assert load(tmp_path / 'a.png', threshold=1)['gt_seg_map'].sum() == 4


def test_palette_label_maps_of_dark_colours_are_refused_with_the_cure(tmp_path):
    image = Image.fromarray(np.eye(4, dtype=np.uint8), 'P')
    image.putpalette([0, 0, 0, 128, 0, 0])
    image.save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match=r'a\.png is a palette image.*`threshold=1`'):
        load(tmp_path / 'a.png')
    assert load(tmp_path / 'a.png', threshold=1)['gt_seg_map'].tolist() == np.eye(4).tolist()
    # Bright colours, and grey levels that are dark but no ids, are masks.
    image.putpalette([0, 0, 0, 255, 255, 255])
    image.save(tmp_path / 'a.png')
    assert load(tmp_path / 'a.png')['gt_seg_map'].sum() == 4
    cv2.imwrite(str(tmp_path / 'b.png'), np.full((2, 2), 51, np.uint8))
    assert not load(tmp_path / 'b.png')['gt_seg_map'].any()


def test_palette_label_maps_with_ignored_pixels_are_refused_with_the_cure(tmp_path):
    labels = np.zeros((4, 6), np.uint8)
    labels[:2], labels[2] = 1, 255
    image = Image.fromarray(labels, 'P')
    image.putpalette([0, 0, 0, 128, 0, 0] + 253 * [0, 0, 0] + [224, 224, 192])
    image.save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match=r'a\.png is a palette image of several colours.*`LoadLabels`.*`threshold=1`'):
        load(tmp_path / 'a.png')
    assert load(tmp_path / 'a.png', threshold=1)['gt_seg_map'].sum() == 18
    # Soft edges in a palette of greys are a mask.
    image.putpalette([0, 0, 0, 90, 90, 90] + 253 * [0, 0, 0] + [255, 255, 255])
    image.save(tmp_path / 'a.png')
    assert load(tmp_path / 'a.png')['gt_seg_map'].sum() == 6


@pytest.mark.parametrize('content', [b'', b'not a picture'])
def test_damaged_files_are_named(tmp_path, content):
    (tmp_path / 'a.png').write_bytes(content)
    with pytest.raises(ValueError, match=r'a\.png'):
        load(tmp_path / 'a.png')


def test_a_threshold_out_of_range_is_refused_and_copies_work():
    with pytest.raises(ValueError, match='`threshold`'):
        LoadBinaryMask(threshold=0)
    assert pickle.loads(pickle.dumps(copy.deepcopy(LoadBinaryMask(threshold=9)))).threshold == 9
