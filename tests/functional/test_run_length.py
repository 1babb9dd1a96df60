from __future__ import annotations

import numpy as np
import pytest

from mmseg_gen.functional.run_length import compress_runs, run_lengths


def runs_by_walking(mask):
    """Walk down the columns pixel by pixel."""
    counts, current, length = [], False, 0
    for x in range(mask.shape[1]):
        for y in range(mask.shape[0]):
            if bool(mask[y, x]) != current:
                counts.append(length)
                current, length = not current, 0
            length += 1
    return [*counts, length]


@pytest.mark.parametrize('share', [0.0, 0.1, 0.5, 0.9, 1.0])
def test_equals_a_walk_down_the_columns(share):
    rng = np.random.default_rng(3)
    for shape in ((1, 1), (5, 7), (7, 5), (1, 9), (9, 1)):
        mask = rng.random(shape) < share
        assert run_lengths(mask).tolist() == runs_by_walking(mask)


def test_a_crop_counts_where_it_lies_in_the_image():
    rng = np.random.default_rng(4)
    for top, left, height, width in ((0, 0, 6, 8), (2, 3, 4, 5), (1, 0, 3, 8), (0, 2, 6, 3)):
        crop = rng.random((height, width)) < 0.6
        image = np.zeros((6, 8), bool)
        image[top : top + height, left : left + width] = crop
        assert run_lengths(crop, (6, 8), (top, left)).tolist() == runs_by_walking(image)


def test_pycocotools_reads_the_text_back():
    coco_mask = pytest.importorskip('pycocotools.mask')
    rng = np.random.default_rng(5)
    for shape, share in (((1, 1), 1.0), ((30, 50), 0.5), ((300, 200), 0.001), ((300, 200), 0.999), ((70000, 1), 0.0)):
        mask = rng.random(shape) < share
        text = compress_runs(run_lengths(mask).tolist())
        assert text == coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))['counts'].decode()
        assert np.array_equal(coco_mask.decode({'size': list(shape), 'counts': text}), mask)


def test_a_crop_outside_the_image_is_refused():
    with pytest.raises(ValueError, match=r'Expected `mask` within \(4, 4\) from \(2, 0\)'):
        run_lengths(np.ones((3, 3), bool), (4, 4), (2, 0))
