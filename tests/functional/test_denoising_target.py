from __future__ import annotations

import pytest
import torch
from diffusers import DDIMScheduler
from scipy import stats

from mmseg_gen.functional.denoising_target import denoising_target, draw_noising
from mmseg_gen.functional.noise import PREDICTION_TYPES, add_noise, split_prediction

SHAPE = (4, 6, 10)


@pytest.fixture
def case():
    generator = torch.Generator().manual_seed(0)
    clean, noise = (torch.randn(3, *SHAPE, generator=generator, dtype=torch.float64) for _ in range(2))
    times = torch.tensor([3, 500, 990])
    scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule='scaled_linear')
    return clean, noise, times, scheduler


def test_velocity_is_that_of_diffusers(case):
    clean, noise, times, scheduler = case
    alpha_bar = scheduler.alphas_cumprod[times].view(-1, 1, 1, 1)
    ours = denoising_target(clean, noise, alpha_bar, 'v_prediction')
    torch.testing.assert_close(ours, scheduler.get_velocity(clean, noise, times))


@pytest.mark.parametrize('kind', PREDICTION_TYPES)
def test_a_network_that_hits_the_target_knows_image_and_noise(case, kind):
    clean, noise, times, scheduler = case
    alpha_bar = scheduler.alphas_cumprod[times].double().view(-1, 1, 1, 1)
    target = denoising_target(clean, noise, alpha_bar, kind)
    found = split_prediction(add_noise(clean, noise, alpha_bar), target, alpha_bar, kind)
    for ours, true in zip(found, (clean, noise), strict=True):
        torch.testing.assert_close(ours, true)


def test_an_unknown_prediction_type_is_named(case):
    clean, noise, *_ = case
    with pytest.raises(ValueError, match=r"`prediction_type` from epsilon, .*'flow'"):
        denoising_target(clean, noise, torch.tensor(0.5), 'flow')


def test_a_samples_noise_does_not_depend_on_the_others():
    times, noise = draw_noising([5, 2**62 + 1, 7], SHAPE, 1000)
    for i, seed in enumerate([5, 2**62 + 1, 7]):
        alone = draw_noising([seed], SHAPE, 1000)
        assert torch.equal(times[i], alone[0][0])
        assert torch.equal(noise[i], alone[1][0])
    assert not torch.equal(noise[0], noise[2])


def test_drawing_leaves_the_global_stream_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    draw_noising([0], SHAPE, 1000)
    assert torch.equal(torch.rand(3), expected)


def test_times_are_uniform_and_noise_is_standard_normal():
    times, noise = draw_noising(range(2000), (1, 2, 2), 10)
    assert stats.chisquare(torch.bincount(times, minlength=10).numpy()).pvalue > 0.001
    assert stats.kstest(noise.flatten().numpy(), 'norm').pvalue > 0.001


@pytest.mark.parametrize(('seeds', 'steps'), [([], 1000), ([1], 0)])
def test_no_seed_or_no_step_is_refused(seeds, steps):
    with pytest.raises(ValueError, match='`seeds`'):
        draw_noising(seeds, SHAPE, steps)
