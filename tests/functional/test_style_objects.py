from __future__ import annotations

import numpy as np
import pytest

from mmseg_gen.functional.style_clustering import ClusterSettings
from mmseg_gen.functional.style_foreground import ForegroundSettings, label_styles
from mmseg_gen.functional.style_objects import TOO_PLAIN, label_objects, paste_instances, pixel_boxes
from mmseg_gen.functional.style_stack import StyleStack

CLUSTERS = ClusterSettings(clusters=2, color_space='rgb', max_points=None)
CORNER = ForegroundSettings('corner', corner_size=0.2)


def scene(size, discs, count=6, seed=0):
    """Return truth and stack: discs (y, x, radius) on a ground, each region of one colour in each style."""
    y, x = np.mgrid[: size[0], : size[1]]
    regions = np.zeros(size, int)
    for i, (cy, cx, radius) in enumerate(discs, 1):
        regions[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = i
    colors = np.random.default_rng(seed).integers(0, 256, (count, len(discs) + 1, 3)).astype(np.uint8)
    return regions, colors[:, regions]


def paste_pixel_by_pixel(masks, boxes, values, size):
    """For each pixel, ask all boxes, the smallest first."""
    labels = np.zeros(size, np.uint8)
    order = sorted(range(len(boxes)), key=lambda i: ((boxes[i][2] - boxes[i][0]) * (boxes[i][3] - boxes[i][1]), i))
    for row in range(size[0]):
        for column in range(size[1]):
            for i in order:
                x1, y1, x2, y2 = boxes[i]
                if x1 <= column < x2 and y1 <= row < y2 and masks[i][row - y1, column - x1]:
                    labels[row, column] = values[i]
                    break
    return labels


def test_pasting_equals_asking_the_smallest_box_first_pixel_by_pixel():
    rng = np.random.default_rng(0)
    for _ in range(20):
        corners = np.sort(rng.integers(0, 10, (5, 2, 2)), 1) + np.array([[0, 0], [1, 1]])
        boxes = corners[..., ::-1].reshape(5, 4)
        masks = [rng.random((b[3] - b[1], b[2] - b[0])) < 0.6 for b in boxes]
        values = rng.integers(1, 9, 5).tolist()
        expected = paste_pixel_by_pixel(masks, boxes.tolist(), values, (12, 11))
        found = paste_instances(masks, boxes, values, (12, 11))
        assert found.dtype == np.uint8
        assert np.array_equal(found, expected)
    assert not paste_instances([], np.zeros((0, 4), int), [], (3, 4)).any()
    with pytest.raises(ValueError, match='mask of 2 x 3 for box 0'):
        paste_instances([np.ones((3, 2), bool)], np.array([[0, 0, 3, 2]]), [1], (4, 4))


def test_each_object_is_found_in_its_own_box():
    regions, images = scene((30, 44), [(10, 10, 6), (18, 33, 8)])
    boxes, labels = np.array([[2, 2, 18.5, 18.2], [23, 8, 44, 29]]), np.array([3, 1])
    stack = StyleStack(images, boxes, labels, (1, 2, 3))
    found = label_objects(stack, images[0], CLUSTERS, CORNER)
    assert found.outcomes == ('found', 'found')
    assert np.array_equal(found.labels, np.array([0, 3, 1])[regions])
    assert found.uncertainty < 1e-3


def test_one_box_around_everything_is_the_whole_image():
    _, images = scene((20, 30), [(9, 14, 6)])
    noisy = images.astype(int) + np.random.default_rng(1).integers(-20, 21, images.shape)
    images = noisy.clip(0, 255).astype(np.uint8)
    whole = label_styles(StyleStack(images), images[0], CLUSTERS, CORNER)
    boxed = label_objects(StyleStack(images, np.array([[0, 0, 30, 20]]), np.array([1])), images[0], CLUSTERS, CORNER)
    assert np.array_equal(boxed.labels, whole.labels)
    assert boxed.uncertainty == pytest.approx(whole.uncertainty)


def test_a_smaller_stack_is_cropped_where_the_box_lies():
    regions, images = scene((15, 22), [(7, 11, 4)])
    large = images.repeat(4, 1).repeat(4, 2)
    truth = regions.repeat(4, 0).repeat(4, 1)
    stack = StyleStack(images, np.array([[20, 8, 68, 52]]), np.array([1]))
    found = label_objects(stack, large[0], CLUSTERS, CORNER)
    assert found.labels.shape == (60, 88)
    assert (found.labels == (truth > 0)).mean() > 0.99


@pytest.mark.parametrize('box', [[20, 6, 68, 39], [22, 7, 69, 38], [19, 8, 71, 40]])
def test_boxes_between_the_pixels_of_a_smaller_stack_shift_nothing(box):
    # A bar down the box; the stack is four times narrower and three times lower than the image.
    regions = np.zeros((15, 22), int)
    regions[:, 9:13] = 1
    images = np.random.default_rng(1).integers(0, 256, (6, 2, 3)).astype(np.uint8)[:, regions]
    truth = regions.repeat(3, 0).repeat(4, 1)
    stack = StyleStack(images, np.array([box]), np.array([1]))
    found = label_objects(stack, images[0].repeat(3, 0).repeat(4, 1), CLUSTERS, CORNER)
    expected = np.zeros_like(truth)
    expected[box[1] : box[3], box[0] : box[2]] = truth[box[1] : box[3], box[0] : box[2]]
    assert found.outcomes == ('found',)
    assert np.array_equal(found.labels, expected)


def test_what_a_box_does_not_decide_is_said():
    _, images = scene((20, 30), [(9, 14, 6)])
    boxes = np.array([[0, 0, 30, 20], [0, 0, 4, 4]])
    found = label_objects(StyleStack(images, boxes, np.array([1, 1])), images[0], CLUSTERS, CORNER)
    assert found.outcomes == ('found', TOO_PLAIN)
    strict = ForegroundSettings('saliency', saliency_threshold=1.0)
    none = label_objects(StyleStack(images, boxes, np.array([1, 1])), images[0], CLUSTERS, strict)
    assert none.outcomes == ('no confident foreground', TOO_PLAIN)
    assert not none.labels.any()
    assert none.uncertainty == 1


def test_boxes_outside_and_empty_ones_are_refused():
    for box in ([30, 0, 40, 5], [-4, 0, 0, 5], [0, -9, 5, 0], [0, 20, 5, 25]):
        with pytest.raises(ValueError, match='inside the image of 30 x 20 pixels'):
            pixel_boxes(np.array([box]), (20, 30))
    for box in ([5, 0, 5, 5], [5, 4, 9, 2], [0, 0, np.nan, 4]):
        with pytest.raises(ValueError, match='x1 < x2'):
            pixel_boxes(np.array([box]), (20, 30))
    assert pixel_boxes(np.array([[-4, 3.9, 30.1, 50]]), (20, 30)).tolist() == [[0, 3, 30, 20]]
    _, images = scene((20, 30), [(9, 14, 6)])
    with pytest.raises(ValueError, match='with boxes'):
        label_objects(StyleStack(images), images[0], CLUSTERS, CORNER)


def test_the_stack_keeps_its_boxes_on_disk(tmp_path):
    from mmseg_gen.functional.scene_evidence import load_evidence

    _, images = scene((6, 8), [(3, 3, 2)])
    stack = StyleStack(images, np.array([[1, 2, 3.5, 4]]), np.array([2]), (1, 2))
    stack.save(tmp_path / 's.npz')
    for twin in (StyleStack.load(tmp_path / 's.npz'), load_evidence(tmp_path / 's.npz')):
        assert isinstance(twin, StyleStack)
        assert np.array_equal(twin.images, stack.images)
        assert twin.boxes.tolist() == [[1, 2, 3.5, 4]]
        assert twin.box_labels.tolist() == [2]
        assert twin.class_ids == (1, 2)
    StyleStack(images).save(tmp_path / 'plain.npz')
    plain = load_evidence(tmp_path / 'plain.npz')
    assert plain.boxes is None
    assert plain.class_ids == ()


def test_boxes_that_do_not_fit_are_refused():
    _, images = scene((6, 8), [(3, 3, 2)])
    box = np.array([[1, 2, 3, 4]])
    with pytest.raises(ValueError, match='together'):
        StyleStack(images, box)
    with pytest.raises(ValueError, match=r'\(M, 4\)'):
        StyleStack(images, box, np.array([1, 1]))
    with pytest.raises(ValueError, match='from'):
        StyleStack(images, box, np.array([3]), (1, 2))
    with pytest.raises(ValueError, match=r'\[1, 254\]'):
        StyleStack(images, class_ids=(0,))
