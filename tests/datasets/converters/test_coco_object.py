from __future__ import annotations

import copy
import importlib.util
import json

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from mmseg_gen.datasets.converters.coco_object import convert_coco_object, draw_labels
from mmseg_gen.datasets.converters.instance_masks import decode_instance
from mmseg_gen.datasets.layouts.coco import write_coco_scenes

SIZE = (20, 30)


def rectangle(x1: int, y1: int, x2: int, y2: int) -> list[list[int]]:
    return [[x1, y1, x2, y1, x2, y2, x1, y2]]


def annotation(segmentation, category: int, crowd: int = 0) -> dict:
    return {'id': 1, 'image_id': 1, 'category_id': category, 'segmentation': segmentation, 'iscrowd': crowd}


def test_the_smaller_instance_is_on_top_and_crowds_are_under_all():
    big, small = annotation(rectangle(0, 0, 20, 10), 3), annotation(rectangle(5, 5, 15, 15), 7)
    crowd = annotation({'size': list(SIZE), 'counts': [0, 600]}, 3, 1)
    for order in ([big, small, crowd], [crowd, small, big]):
        labels = draw_labels(order, SIZE, {3: 2, 7: 5})
        expected = np.full(SIZE, 255)
        expected[:10, :20] = 2
        expected[5:15, 5:15] = 5
        assert np.array_equal(labels, expected)


def test_of_two_of_one_size_the_later_is_on_top():
    first, second = annotation(rectangle(0, 0, 10, 10), 1), annotation(rectangle(5, 0, 15, 10), 2)
    assert draw_labels([first, second], SIZE, {1: 1, 2: 2})[0, 7] == 2
    assert draw_labels([second, first], SIZE, {1: 1, 2: 2})[0, 7] == 1


def test_polygons_of_any_form_are_close_to_what_pillow_draws():
    rng = np.random.default_rng(0)
    for _ in range(20):
        angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
        points = np.stack([30 + 20 * np.cos(angles), 40 + 25 * np.sin(angles)], 1)
        found = decode_instance([points.ravel().tolist()], (80, 60), 'a')
        canvas = Image.new('1', (60, 80))
        ImageDraw.Draw(canvas).polygon([tuple(p) for p in points], fill=1)
        drawn = np.asarray(canvas)
        # Only pixels that the outline touches may differ.
        edge = cv2.dilate(drawn.astype(np.uint8), np.ones((5, 5))) != cv2.erode(drawn.astype(np.uint8), np.ones((5, 5)))
        assert not ((found != drawn) & ~edge).any()


@pytest.mark.parametrize(
    ('segmentation', 'message'),
    [
        ([], 'polygons'),
        ([[1, 2, 3, 4]], 'three or more points in annotation 1 of image 1'),
        ([[1, 2, 3, 4, 5, 6, 7]], 'three or more points'),
        (None, 'polygons or run lengths'),
        ({'size': [30, 20], 'counts': [600]}, r'size of the image, \[20, 30\]'),
        ({'size': [20, 30], 'counts': [5, 5]}, 'add up to 600'),
    ],
)
def test_segmentations_that_cannot_be_decoded_are_named(segmentation, message):
    with pytest.raises(ValueError, match=message):
        draw_labels([annotation(segmentation, 1)], SIZE, {1: 1})


def test_an_interrupted_conversion_goes_on_and_leaves_what_is_there(tmp_path):
    names = write_coco_scenes(tmp_path, 4, size=32)
    source, folder = tmp_path / 'annotations/instances_val2017.json', tmp_path / 'labels'
    assert convert_coco_object(source, folder).written == 4
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / f'{names[1]}.png').unlink()
    (folder / f'{names[2]}.png').write_bytes(b'mine')
    done = convert_coco_object(source, folder)
    assert (done.written, done.kept) == (1, 3)
    assert (folder / f'{names[1]}.png').read_bytes() == whole[f'{names[1]}.png']
    assert (folder / f'{names[2]}.png').read_bytes() == b'mine'


def test_images_without_annotations_are_background_and_bad_ones_named(tmp_path):
    write_coco_scenes(tmp_path, 3, size=32)
    source = tmp_path / 'annotations/instances_val2017.json'
    content = json.loads(source.read_text())
    bare = copy.deepcopy(content)
    bare['annotations'] = []
    source.write_text(json.dumps(bare))
    convert_coco_object(source, tmp_path / 'bare')
    assert all(not cv2.imread(str(p), cv2.IMREAD_UNCHANGED).any() for p in (tmp_path / 'bare').iterdir())
    content['annotations'][1]['segmentation'] = [[1, 2]]
    source.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r'instances of 0000\d+ in .*instances_val2017\.json, but got: .*annotation 2'):
        convert_coco_object(source, tmp_path / 'bad')
    content['images'].append(content['images'][0])
    source.write_text(json.dumps(content))
    with pytest.raises(ValueError, match='more than once'):
        convert_coco_object(source, tmp_path / 'twice')


def test_without_pycocotools_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(ValueError, match=r'pip install "mmseg_gen\[coco\]"'):
        convert_coco_object(tmp_path / 'a.json', tmp_path)
