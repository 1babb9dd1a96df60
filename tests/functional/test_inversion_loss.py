from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter

from mmseg_gen.functional.inversion_loss import feature_loss, noise_autocorrelation, pixel_loss, rate_factor


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_pixel_loss_equals_a_loop_over_scales():
    a, b = draw(2, 3, 8, 8), draw(2, 3, 8, 8, seed=1)
    difference, expected = (a - b).numpy(), np.zeros(2)
    for scale in range(3):
        expected += (difference**2).mean((1, 2, 3)) / 3
        if scale < 2:
            # Means of 2 x 2, by a moving mean whose windows end at the even pixels.
            difference = uniform_filter(difference, (1, 1, 2, 2), origin=(0, 0, -1, -1))[..., ::2, ::2]
    np.testing.assert_allclose(pixel_loss(a, b, 3), expected)
    # 8, 4, 2 and 1 pixels: there is no fifth scale.
    torch.testing.assert_close(pixel_loss(a, b, 9), pixel_loss(a, b, 4))


def test_autocorrelation_equals_a_loop_and_is_small_for_white_noise():
    noise = draw(2, 1, 16, 16)
    for n in range(2):
        plane, expected = noise[n, 0].numpy(), 0.0
        for side in (16, 8):
            for dy, dx in ((1, 0), (0, 1)):
                products = [plane[y, x] * plane[(y - dy) % side, (x - dx) % side]
                            for y in range(side) for x in range(side)]  # fmt: skip
                expected += np.mean(products) ** 2
            plane = plane.reshape(side // 2, 2, side // 2, 2).sum((1, 3)) / 2
        assert float(noise_autocorrelation(noise)[n]) == pytest.approx(expected)
    smooth = torch.ones(1, 1, 16, 16)
    assert noise_autocorrelation(smooth) > 100 * noise_autocorrelation(noise).max()


def test_the_learning_rate_rises_and_falls():
    factors = [rate_factor(step, 1000) for step in range(1000)]
    assert factors[0] == pytest.approx(0.01)
    assert factors[100] == factors[700] == 1
    assert factors[-1] < 1e-4
    assert factors[874] == pytest.approx(0.5 - 0.5 * math.cos(math.pi * (1 - 0.8745) / 0.25))


def test_feature_loss_equals_a_loop_over_places_and_is_blind_to_length():
    found = [draw(2, 5, 3, 4), draw(2, 2, 1, 6, seed=2)]
    wanted = [draw(2, 5, 3, 4, seed=1), draw(2, 2, 1, 6, seed=3)]
    expected = np.zeros(2)
    for a, b in zip(found, wanted, strict=True):
        for n in range(2):
            columns = [
                np.square(p / np.sqrt((p * p).sum()) - q / np.sqrt((q * q).sum())).sum()
                for p, q in zip(a[n].flatten(1).T.numpy(), b[n].flatten(1).T.numpy(), strict=True)
            ]
            expected[n] += np.mean(columns) / 2
    np.testing.assert_allclose(feature_loss(found, wanted), expected)
    torch.testing.assert_close(feature_loss([7 * a for a in found], wanted), feature_loss(found, wanted))
    assert float(feature_loss(found, found).sum()) == 0


def test_feature_loss_can_be_propagated_through():
    wanted = [draw(2, 3, 2, 2, seed=1)]
    assert torch.autograd.gradcheck(lambda x: feature_loss([x], wanted), draw(2, 3, 2, 2).requires_grad_())
