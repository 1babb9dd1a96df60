"""What counts as foreground in masks of several programs, and which files are no masks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mmseg_gen.errors import UserError
from mmseg_gen.evaluation.image_pairs import foreground, read_mask_values

MASK = np.zeros((20, 32), np.uint8)
MASK[5:15, 2:10] = 255


@pytest.mark.parametrize(
    ('values', 'kind', 'expected'),
    [
        ([0, 255, 255], 'auto', [0, 1, 1]),
        ([0, 1, 1], 'auto', [0, 1, 1]),
        ([0, 3, 20], 'auto', [0, 1, 1]),
        ([0, 100, 130, 255], 'auto', [0, 0, 1, 1]),
        ([0, 15, 255], 'labels', [0, 1, 0]),
        ([0, 15, 255], 'binary', [0, 0, 1]),
        ([0, 1, 1], 'binary', [0, 1, 1]),
        ([0, 150, 200], 'labels', [0, 1, 1]),
        ([0, 0], 'auto', [0, 0]),
    ],
)
def test_what_counts_as_foreground(tmp_path, values, kind, expected):
    found = foreground(np.array([values], np.uint8), tmp_path / 'a.png', kind)
    assert found.tolist() == [[bool(v) for v in expected]]


def test_colours_and_wide_values_are_refused(tmp_path):
    cv2.imwrite(str(tmp_path / 'grey.png'), np.repeat(MASK[..., None], 3, -1))
    assert (read_mask_values(tmp_path / 'grey.png') == MASK).all()
    cv2.imwrite(str(tmp_path / 'colored.png'), np.arange(60, dtype=np.uint8).reshape(4, 5, 3))
    cv2.imwrite(str(tmp_path / 'wide.png'), MASK.astype(np.uint16) * 200)
    for name in ('colored', 'wide'):
        with pytest.raises(UserError, match=rf'one byte for each pixel in .*{name}\.png'):
            read_mask_values(tmp_path / f'{name}.png')
