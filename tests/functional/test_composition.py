from __future__ import annotations

import numpy as np
import pytest

from mmseg_gen.functional.composition import compose_images


def test_each_pixel_comes_from_one_of_the_two_images():
    rng = np.random.default_rng(0)
    front, back = rng.integers(0, 256, (2, 5, 7, 3)).astype(np.uint8)
    mask = rng.random((5, 7)) < 0.5
    copies = front.copy(), mask.copy(), back.copy()
    found = compose_images(front, mask, back)
    assert found.dtype == np.uint8
    for y in range(5):
        for x in range(7):
            assert found[y, x].tolist() == (front if mask[y, x] else back)[y, x].tolist()
    for array, copy in zip((front, mask, back), copies, strict=True):
        assert np.array_equal(array, copy)
    assert np.array_equal(compose_images(front, np.ones((5, 7), bool), back), front)
    assert np.array_equal(compose_images(front, np.zeros((5, 7), bool), back), back)


def test_what_does_not_fit_is_refused():
    image = np.zeros((4, 6, 3), np.uint8)
    with pytest.raises(ValueError, match='size of `foreground`'):
        compose_images(image, np.ones((6, 4), bool), image)
    with pytest.raises(ValueError, match='size of `foreground`'):
        compose_images(image, np.ones((4, 6), bool), image[:, :5])
    with pytest.raises(TypeError, match='bool'):
        compose_images(image, np.ones((4, 6), np.uint8), image)
    with pytest.raises(TypeError, match='uint8'):
        compose_images(image.astype(float), np.ones((4, 6), bool), image)
