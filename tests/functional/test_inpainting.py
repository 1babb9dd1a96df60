"""Masks on the latents' grid, differences, refined masks and the mirrored background against loops and exact scenes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmseg_gen.functional.inpainting import blend, difference_map, fill_with_background, latent_mask


def square_photo(shape=(45, 61)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a photo with a square, its background alone, and the square."""
    square = np.zeros(shape, bool)
    square[11:30, 20:43] = True
    background = np.full((*shape, 3), (200, 40, 90), np.uint8)
    return np.where(square[..., None], np.array([10, 160, 90], np.uint8), background), background, square


@pytest.mark.parametrize(
    ('shape', 'grid'), [((45, 61), (12, 16)), ((8, 6), (8, 6)), ((5, 7), (10, 3)), ((4, 4), (8, 8))]
)
def test_a_cell_is_masked_where_a_pixel_touches_it(shape, grid):
    masks = np.random.default_rng(0).random((2, *shape)) < 0.05
    found = latent_mask(torch.from_numpy(masks), grid)
    assert found.shape == (2, 1, *grid)
    for n in range(2):
        for i in range(grid[0]):
            for j in range(grid[1]):
                touched = any(
                    masks[n, y, x]
                    for y in range(shape[0])
                    for x in range(shape[1])
                    # Both intervals overlap, in integers.
                    if y * grid[0] < (i + 1) * shape[0]
                    and (y + 1) * grid[0] > i * shape[0]
                    and x * grid[1] < (j + 1) * shape[1]
                    and (x + 1) * grid[1] > j * shape[1]
                )
                assert found[n, 0, i, j] == touched


def test_blend_takes_each_side_exactly():
    made, known = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    mask = torch.rand(2, 1, 4, 5) < 0.5
    found = blend(made, known, mask.float())
    assert torch.equal(found[mask.expand_as(found)], made[mask.expand_as(found)])
    assert torch.equal(found[~mask.expand_as(found)], known[~mask.expand_as(found)])


def test_difference_is_the_mean_over_colors():
    rng = np.random.default_rng(1)
    a, b = (rng.integers(0, 256, (3, 5, 3)).astype(np.uint8) for _ in range(2))
    found = difference_map(a, b)
    for y in range(3):
        for x in range(5):
            assert found[y, x] == pytest.approx(sum(abs(int(a[y, x, c]) - int(b[y, x, c])) for c in range(3)) / 765)
    with pytest.raises(ValueError, match='like the image'):
        difference_map(a, b[:2])
    with pytest.raises(TypeError, match='uint8'):
        difference_map(a, b.astype(float))


def test_the_largest_background_is_mirrored_over_the_object():
    image = np.random.default_rng(0).integers(0, 256, (7, 9, 3)).astype(np.uint8)
    mask = np.zeros((7, 9), bool)
    mask[2:5, 6:8] = True
    found = fill_with_background(image, mask)
    # Columns 0 to 5 are the largest rectangle; columns 6 and 7 mirror 5 and 4.
    expected = image.copy()
    expected[2:5, 6], expected[2:5, 7] = image[2:5, 5], image[2:5, 4]
    assert np.array_equal(found, expected)
    picture, background, square = square_photo()
    assert np.array_equal(fill_with_background(picture, square), background)


def test_without_background_there_is_no_filling():
    image = np.zeros((6, 5, 3), np.uint8)
    assert fill_with_background(image, np.ones((6, 5), bool)) is None
    thin = np.ones((6, 5), bool)
    thin[2] = False
    assert fill_with_background(image, thin) is None
    with pytest.raises(ValueError, match='`mask` of shape'):
        fill_with_background(image, thin[:2])
