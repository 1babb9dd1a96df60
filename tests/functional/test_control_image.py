"""Control images against a loop over pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmseg_gen.functional.control_image import ControlSettings, control_images

COLORS = [(10, 200, 30), (255, 255, 255)]
BACKGROUND = (5, 0, 100)


def example() -> torch.Tensor:
    return torch.rand(2, 8, 12, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize('soft', [False, True])
@pytest.mark.parametrize(('height', 'width'), [(8, 12), (4, 6), (16, 24)])
def test_each_pixel_has_its_colour(height, width, soft):
    masks = example()
    found = control_images(masks, COLORS, BACKGROUND, (height, width), soft).numpy()
    assert found.shape == (2, 3, height, width)
    for n in range(2):
        for y in range(height):
            for x in range(width):
                rows = slice(y * 8 // height, max(y * 8 // height + 1, (y + 1) * 8 // height))
                columns = slice(x * 12 // width, max(x * 12 // width + 1, (x + 1) * 12 // width))
                share = float(masks[n, rows, columns].mean())
                share = share if soft else float(share > 0.5)
                expected = [share * c / 255 + (1 - share) * b / 255 for c, b in zip(COLORS[n], BACKGROUND, strict=True)]
                assert np.allclose(found[n, :, y, x], expected, atol=1e-6)


def test_soft_images_have_the_gradient_of_the_colours():
    masks = example().double().requires_grad_()
    assert torch.autograd.gradcheck(lambda m: control_images(m, COLORS, BACKGROUND, (4, 6), soft=True), (masks,))


def test_wrong_colours_and_settings_are_refused():
    with pytest.raises(ValueError, match='Expected one of `colors` for each of 2 masks, but got 1'):
        control_images(example(), COLORS[:1], BACKGROUND, (8, 12))
    with pytest.raises(ValueError, match=r'three levels in \[0, 255\], but got \(1, 2\)'):
        control_images(example(), [(1, 2), (1, 2, 3)], BACKGROUND, (8, 12))
    with pytest.raises(ValueError, match='Expected `model` of `control`'):
        ControlSettings()
    with pytest.raises(ValueError, match='Expected `scale`'):
        ControlSettings('x', scale=-1)
    with pytest.raises(ValueError, match='three levels'):
        ControlSettings('x', colors={'cat': (0, 0, 256)})
