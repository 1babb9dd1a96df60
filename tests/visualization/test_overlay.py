"""The tint lies on the masked pixels and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_gen.visualization.overlay import overlay_mask


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (20, 31, 3), dtype=np.uint8)


@pytest.fixture
def mask():
    mask = np.zeros((20, 31), bool)
    mask[4:12, 10:25] = True
    return mask


def test_only_masked_pixels_change(image, mask):
    before = image.copy()
    result = overlay_mask(image, mask, color=(0, 200, 0), opacity=0.25, outline=False)
    assert np.array_equal(image, before)
    assert np.array_equal(result[~mask], image[~mask])
    expected = np.round(0.75 * image[mask] + 0.25 * np.array([0, 200, 0]))
    assert np.abs(result[mask] - expected).max() <= 0.5


def test_outline_is_the_inner_boundary(image, mask):
    color = (1, 2, 3)
    result = overlay_mask(image, mask, color=color, opacity=0)
    inner = np.zeros_like(mask)
    inner[5:11, 11:24] = True
    assert (result[mask & ~inner] == color).all()
    assert np.array_equal(result[inner], image[inner])
    assert np.array_equal(result[~mask], image[~mask])


def test_a_mask_of_the_whole_image_has_no_outline(image):
    result = overlay_mask(image, np.ones((20, 31), bool), opacity=0)
    assert np.array_equal(result, image)


def test_empty_mask_changes_nothing(image, mask):
    assert np.array_equal(overlay_mask(image, ~mask & mask), image)


def test_errors(image, mask):
    with pytest.raises(ValueError, match=r"image's size \(20, 31\), but got \(31, 20\)"):
        overlay_mask(image, mask.T)
    with pytest.raises(ValueError, match=r'`opacity` in \[0, 1\], but got 1.5'):
        overlay_mask(image, mask, opacity=1.5)
