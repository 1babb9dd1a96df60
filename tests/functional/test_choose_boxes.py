from __future__ import annotations

import numpy as np

from mmseg_gen.functional.boxes import box_iou, choose_boxes, corners_of_centers


def greedy(boxes, scores, size, threshold, overlap):
    """Take the best box left, strike out those of its class that overlap, until none is left."""
    cut = [[min(max(v, 0), size[1 - k % 2]) for k, v in enumerate(box)] for box in boxes.tolist()]
    left = [
        (float(scores[i].max()), i, int(scores[i].argmax()))
        for i, b in enumerate(cut)
        if b[0] < b[2] and b[1] < b[3] and scores[i].max() >= threshold
    ]
    chosen = []
    while left:
        best = max(left, key=lambda row: (row[0], -row[1]))
        chosen.append(best)
        left = [
            row
            for row in left
            if row is not best
            and (row[2] != best[2] or box_iou(np.array([cut[row[1]]]), np.array([cut[best[1]]]))[0, 0] <= overlap)
        ]
    return [(cut[i], label, score) for score, i, label in chosen]


def test_equals_the_greedy_choice():
    rng = np.random.default_rng(0)
    for trial in range(30):
        corners = np.sort(rng.uniform(-4, 24, (25, 2, 2)), 1)
        boxes, scores = corners.reshape(25, 4), rng.random((25, 3)).round(1 if trial % 2 else 6)
        expected = greedy(boxes, scores, (14, 20), 0.4, 0.3)
        found = choose_boxes(boxes, scores, (14, 20), 0.4, 0.3)
        np.testing.assert_allclose(found.boxes, [row[0] for row in expected], rtol=1e-6)
        assert found.labels.tolist() == [row[1] for row in expected]
        np.testing.assert_allclose(found.scores, [row[2] for row in expected], rtol=1e-6)
        few = choose_boxes(boxes, scores, (14, 20), 0.4, 0.3, max_boxes=2)
        assert np.array_equal(few.boxes, found.boxes[:2])


def test_nothing_certain_gives_no_box():
    found = choose_boxes(np.array([[0, 0, 2, 2.0]]), np.array([[0.1]]), (4, 4), 0.5, 0.5)
    assert found.boxes.shape == (0, 4)
    assert found.labels.shape == (0,)


def test_centres_become_corners():
    rng = np.random.default_rng(1)
    boxes = rng.random((6, 4))
    found = corners_of_centers(boxes, (30, 10))
    np.testing.assert_allclose((found[:, 0] + found[:, 2]) / 2, 30 * boxes[:, 0])
    np.testing.assert_allclose((found[:, 1] + found[:, 3]) / 2, 10 * boxes[:, 1])
    np.testing.assert_allclose(found[:, 2] - found[:, 0], 30 * boxes[:, 2])
    np.testing.assert_allclose(found[:, 3] - found[:, 1], 10 * boxes[:, 3])


def test_boxes_that_overlap_by_just_the_limit_both_stay():
    boxes, scores = np.array([[0.0, 0, 4, 2], [2, 0, 6, 2]]), np.array([[0.9], [0.8]])  # 2 x 2 of 12 pixels in common
    assert len(choose_boxes(boxes, scores, (9, 9), 0.5, 4 / 12).boxes) == 2
    assert len(choose_boxes(boxes, scores, (9, 9), 0.5, 0.33).boxes) == 1
