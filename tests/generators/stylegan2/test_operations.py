from __future__ import annotations

import numpy as np
import pytest
import torch

from mmseg_gen.generators.stylegan2.operations import (
    bias_act,
    filter_taps,
    modulated_conv2d,
    upfir2d,
    upsample_twice,
)
from tests.references import stylegan2 as reference


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize('up', [1, 2, 3])
@pytest.mark.parametrize('padding', [(0, 0), (2, 1), (-1, 3)])
def test_filtering_equals_zero_insertion_and_scipy(up, padding):
    x, taps = draw(2, 3, 5, 7), torch.tensor([0.1, 0.5, 1.0, -0.4], dtype=torch.float64)
    fir = np.outer(taps, taps)
    found = upfir2d(x, taps, up=up, padding=padding, gain=1.7)
    for n in range(2):
        for c in range(3):
            expected = reference.upfir(x[n, c].numpy(), fir, up, padding, 1.7)
            np.testing.assert_allclose(found[n, c], expected, atol=1e-12)


def test_upsampling_equals_the_reference_and_keeps_constants_inside():
    x = draw(2, 3, 4, 6)
    found = upsample_twice(x, filter_taps())
    expected = [[reference.double(plane) for plane in planes] for planes in x.numpy()]
    np.testing.assert_allclose(found, expected, atol=1e-7)
    flat = upsample_twice(torch.ones(1, 1, 5, 5), filter_taps())
    assert flat.shape == (1, 1, 10, 10)
    torch.testing.assert_close(flat[..., 2:-2, 2:-2], torch.ones(1, 1, 6, 6))


@pytest.mark.parametrize('clamp', [None, 0.7])
def test_activation_equals_numpy(clamp):
    for x in (draw(2, 4, 3, 5), draw(3, 4)):
        bias = draw(4, seed=1)
        np.testing.assert_allclose(
            bias_act(x, bias, clamp=clamp), reference.activation(x.numpy(), bias.numpy(), clamp), atol=1e-12
        )


@pytest.mark.parametrize('demodulate', [True, False])
@pytest.mark.parametrize('up', [1, 2])
@pytest.mark.parametrize('side', [1, 3])
def test_modulated_convolution_equals_loops(side, up, demodulate):
    x, weight, styles = draw(2, 3, 6, 8), draw(4, 3, side, side, seed=1), draw(2, 3, seed=2)
    found = modulated_conv2d(x, weight, styles, filter_taps().double(), demodulate=demodulate, up=up)
    expected = reference.modulated_conv(x.numpy(), weight.numpy(), styles.numpy(), demodulate=demodulate, up=up)
    assert found.shape == (2, 4, 6 * up, 8 * up)
    np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize('up', [1, 2])
def test_mirrored_input_and_kernel_give_the_mirrored_result(up):
    # Holds only where the paddings are those of the symmetric filter.
    x, weight, styles = draw(1, 3, 4, 8), draw(2, 3, 3, 3, seed=1), draw(1, 3, seed=2)
    taps = filter_taps().double()
    straight = modulated_conv2d(x, weight, styles, taps, up=up)
    mirrored = modulated_conv2d(x.flip(3), weight.flip(3), styles, taps, up=up).flip(3)
    torch.testing.assert_close(straight, mirrored)


def test_demodulation_gives_unit_variance_and_cancels_any_scale():
    x, weight, styles = draw(2, 8, 40, 40), draw(3, 8, 3, 3, seed=1), draw(2, 8, seed=2)
    out = modulated_conv2d(x, weight, styles, filter_taps())
    torch.testing.assert_close(out[..., 1:-1, 1:-1].std((2, 3)), torch.ones(2, 3).double(), atol=0.12, rtol=0)
    torch.testing.assert_close(modulated_conv2d(x, weight, 1000 * styles, filter_taps()), out)


def test_half_precision_survives_styles_that_would_overflow():
    x, weight, styles = draw(1, 8, 6, 6), draw(3, 8, 3, 3, seed=1), 2e5 * draw(1, 8, seed=2)
    exact = modulated_conv2d(x, weight, styles, filter_taps())
    half = modulated_conv2d(x.half(), weight.float(), styles.float(), filter_taps())
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.double(), exact, atol=0.02, rtol=0.02)


def test_images_of_a_batch_do_not_interact():
    x, weight, styles = draw(3, 3, 4, 4), draw(2, 3, 3, 3, seed=1), draw(3, 3, seed=2)
    whole = modulated_conv2d(x, weight, styles, filter_taps(), up=2)
    for n in range(3):
        one = modulated_conv2d(x[n : n + 1], weight, styles[n : n + 1], filter_taps(), up=2)
        torch.testing.assert_close(whole[n : n + 1], one)


def test_other_factors_are_refused():
    x = torch.zeros(1, 1, 4, 4)
    for up in (0, 3):
        with pytest.raises(ValueError, match=f'`up` of 1 or 2, but got {up}'):
            modulated_conv2d(x, torch.zeros(1, 1, 3, 3), torch.ones(1, 1), filter_taps(), up=up)


def test_gradients_are_right():
    inputs = [t.requires_grad_() for t in (draw(1, 2, 3, 3), draw(2, 2, 3, 3, seed=1), draw(1, 2, seed=2))]
    taps = filter_taps().double()
    assert torch.autograd.gradcheck(lambda x, w, s: modulated_conv2d(x, w, s, taps, up=2), inputs)
