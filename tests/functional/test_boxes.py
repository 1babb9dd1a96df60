import numpy as np
import pytest

from mmseg_gen.functional.boxes import box_iou, box_mask, largest_component_box, mask_box


def draw_boxes(seed, count, side=20):
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, side, (count, 2))
    return np.concatenate([corners, corners + rng.integers(1, 9, (count, 2))], 1).astype(np.float32)


def painted(box, size=(40, 40)):
    mask = np.zeros(size, bool)
    x1, y1, x2, y2 = box.astype(int)
    mask[y1:y2, x1:x2] = True
    return mask


def test_iou_equals_counting_painted_pixels():
    boxes, others = draw_boxes(0, 7), draw_boxes(1, 5)
    found = box_iou(boxes, others)
    assert found.shape == (7, 5)
    for i, a in enumerate(boxes):
        for j, b in enumerate(others):
            first, second = painted(a), painted(b)
            assert found[i, j] == pytest.approx((first & second).sum() / (first | second).sum())


def test_the_box_of_a_mask_is_found_by_looking_at_every_pixel():
    rng = np.random.default_rng(3)
    for _ in range(20):
        mask = rng.random((9, 14)) < 0.05
        points = [(x, y) for y in range(9) for x in range(14) if mask[y, x]]
        if not points:
            assert mask_box(mask) is None
            continue
        xs, ys = zip(*points, strict=True)
        assert mask_box(mask).tolist() == [min(xs), min(ys), max(xs) + 1, max(ys) + 1]


def test_the_largest_component_decides():
    mask = np.zeros((20, 30), bool)
    mask[2:5, 1:4] = True
    mask[10:16, 20:29] = True
    mask[16, 29] = True  # touches by a corner
    assert largest_component_box(mask).tolist() == [20, 10, 30, 17]
    assert largest_component_box(np.zeros((4, 5), bool)) is None


def test_the_area_of_boxes_is_painted_and_cut_at_the_border():
    boxes = draw_boxes(5, 4)
    expected = np.zeros((15, 25), bool)
    for y in range(15):
        for x in range(25):
            expected[y, x] = any(x1 <= x < x2 and y1 <= y < y2 for x1, y1, x2, y2 in boxes)
    assert (box_mask(boxes, (15, 25)) == expected).all()
    assert box_mask(np.zeros((0, 4)), (3, 4)).sum() == 0


def test_a_pixel_is_in_a_box_where_its_centre_is():
    found = box_mask(np.array([[0.4, 0.6, 2.6, 2.4]]), (4, 5))
    assert np.argwhere(found).tolist() == [[1, 0], [1, 1], [1, 2]]
    # A centre on the first edge is inside, one on the last is not.
    assert np.argwhere(box_mask(np.array([[0.5, 1.5, 2.5, 2.5]]), (4, 5))).tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize('box', [[3, 0, 3, 5], [3, 0, 2, 5], [0, np.nan, 2, 5]])
def test_boxes_without_area_are_refused(box):
    with pytest.raises(ValueError, match='`others` with x1 < x2 and y1 < y2, but got'):
        box_iou(np.array([[0, 0, 1, 1]]), np.array([box]))
    with pytest.raises(ValueError, match=r'`boxes` of shape \(N, 4\)'):
        box_iou(np.zeros(4), np.zeros((1, 4)))
