"""Folders of ground truth and predictions with a known overlap, for the tests of stored masks."""

from __future__ import annotations

import numpy as np
from PIL import Image

from mmseg_gen.functional.palette import voc_palette

SIZE = (14, 19)


def save(path, pixels, *, palette=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    if palette:
        image.putpalette(voc_palette().tobytes())
    image.save(path)


def iou_by_counting(pairs, label):
    """Count intersection and union of one label pixel by pixel; 255 in the truth does not count."""
    both = either = 0
    for predicted, truth in pairs:
        for p, t in zip(predicted.ravel().tolist(), truth.ravel().tolist(), strict=True):
            if t != 255:
                both += p == label and t == label
                either += p == label or t == label
    return both / either if either else float('nan')


def write_index_case(tmp_path):
    """Write four classes, the last in neither; void pixels in the truth."""
    rng = np.random.default_rng(0)
    pairs = []
    for number in range(5):
        truth = rng.integers(0, 3, SIZE).astype(np.uint8)
        predicted = np.where(rng.random(SIZE) < 0.7, truth, rng.integers(0, 3, SIZE)).astype(np.uint8)
        truth[0, :4] = 255
        save(tmp_path / 'gt' / f'{number}.png', truth)
        save(tmp_path / 'pred' / f'{number}.png', predicted, palette=number % 2 == 1)
        pairs.append((predicted, truth))
    return tmp_path, pairs


def write_binary_case(tmp_path):
    """Write six shifted rectangles, the predictions with noise."""
    rng = np.random.default_rng(1)
    pairs = []
    for number in range(6):
        truth = np.zeros(SIZE, bool)
        truth[2:9, 3 + number : 9 + number] = True
        predicted = truth ^ (rng.random(SIZE) < 0.1)
        save(tmp_path / 'gt' / f'{number}.png', truth.astype(np.uint8) * 255)
        save(tmp_path / 'pred' / f'{number}.png', predicted.astype(np.uint8) * 255)
        pairs.append((predicted, truth))
    return tmp_path, pairs
