from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy import ndimage

from mmseg_gen.functional.instances import find_instances, outline


def scene():
    labels = np.zeros((8, 11), np.uint8)
    labels[0:3, 0:2] = 2
    labels[3, 2] = 2  # touches the first by a corner
    labels[5:8, 4:9] = 2
    labels[6, 6] = 0  # a hole
    labels[1:3, 8:11] = 5
    labels[7, 0] = 255
    return labels


def on_canvas(instance, shape):
    canvas = np.zeros(shape, bool)
    left, top, width, height = instance.box
    canvas[top : top + height, left : left + width] = instance.mask
    return canvas


def filled(polygon, shape):
    return cv2.fillPoly(np.zeros(shape, np.uint8), [polygon.astype(np.int32)], 1) > 0


def test_components_of_a_drawn_scene():
    found = find_instances(scene())
    assert [(i.label, i.box, i.area) for i in found] == [
        (2, (0, 0, 3, 4), 7),
        (2, (4, 5, 5, 3), 14),
        (5, (8, 1, 3, 2), 6),
    ]


def test_a_class_is_one_object_where_asked():
    found = find_instances(scene(), 'class')
    assert [(i.label, i.area) for i in found] == [(2, 21), (5, 6)]
    assert np.array_equal(on_canvas(found[0], (8, 11)), scene() == 2)


def test_small_objects_can_be_left_out():
    assert [i.area for i in find_instances(scene(), min_area=7)] == [7, 14]
    assert find_instances(np.zeros((3, 4), np.uint8)) == []


def test_components_equal_scipys_on_noise():
    labels = (np.random.default_rng(0).random((40, 31)) < 0.3).astype(np.uint8) * 3
    parts, count = ndimage.label(labels, np.ones((3, 3)))
    found = find_instances(labels)
    assert len(found) == count
    ours = {on_canvas(i, labels.shape).tobytes() for i in found}
    assert ours == {(parts == n).tobytes() for n in range(1, count + 1)}


def test_an_outline_fills_to_the_component_with_its_holes_filled():
    labels = (ndimage.gaussian_filter(np.random.default_rng(1).random((60, 47)), 2) > 0.5).astype(np.uint8)
    found = find_instances(labels)
    assert any(ndimage.binary_fill_holes(i.mask).sum() > i.area for i in found)
    for instance in found:
        corners = outline(instance.mask)
        expected = ndimage.binary_fill_holes(instance.mask)
        assert len(corners) >= 3
        assert np.array_equal(filled(corners, instance.mask.shape), expected)


@pytest.mark.parametrize('mask', [np.ones((1, 1), bool), np.ones((1, 2), bool), np.eye(2, dtype=bool)])
def test_tiny_components_have_three_corners(mask):
    assert len(outline(mask)) == 3
    assert np.array_equal(filled(outline(mask), mask.shape), mask)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match='Expected `labels` as uint8'):
        find_instances(np.zeros((2, 2)))
    with pytest.raises(ValueError, match='`kind` from component, class'):
        find_instances(np.zeros((2, 2), np.uint8), 'panoptic')
    with pytest.raises(ValueError, match='one component, but got 0'):
        outline(np.zeros((2, 2), bool))
