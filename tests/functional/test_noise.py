import pytest
import torch
from diffusers import DDIMScheduler

from mmseg_gen.functional.noise import add_noise, ddim_step, split_prediction

TYPES = ['epsilon', 'v_prediction', 'sample']


def scheduler(prediction_type='epsilon'):
    return DDIMScheduler(
        1000,
        0.00085,
        0.012,
        'scaled_linear',
        clip_sample=False,
        set_alpha_to_one=False,
        prediction_type=prediction_type,
    )


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, 4, 5, 6, generator=generator).unbind(0)


def test_add_noise_equals_diffusers(pair):
    times = torch.tensor([0, 400, 999])
    alpha_bar = scheduler().alphas_cumprod[times].reshape(-1, 1, 1, 1)
    torch.testing.assert_close(add_noise(*pair, alpha_bar), scheduler().add_noise(*pair, times))


@pytest.mark.parametrize('prediction_type', TYPES)
def test_split_and_step_equal_those_of_diffusers(pair, prediction_type):
    sample, output = pair
    ddim = scheduler(prediction_type)
    ddim.set_timesteps(10)
    time, target = ddim.timesteps[3], ddim.timesteps[4]
    step = ddim.step(output, time, sample, eta=0.0)
    clean, _ = split_prediction(sample, output, ddim.alphas_cumprod[time], prediction_type)
    torch.testing.assert_close(clean, step.pred_original_sample, atol=1e-4, rtol=1e-4)
    moved = ddim_step(sample, output, ddim.alphas_cumprod[time], ddim.alphas_cumprod[target], prediction_type)
    torch.testing.assert_close(moved, step.prev_sample, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('prediction_type', TYPES)
def test_a_perfect_prediction_gives_back_both_parts(pair, prediction_type):
    clean, noise = (t.double() for t in pair)
    alpha_bar = torch.tensor([0.9, 0.5, 0.01]).double().reshape(-1, 1, 1, 1)
    perfect = {
        'epsilon': noise,
        'sample': clean,
        'v_prediction': alpha_bar.sqrt() * noise - (1 - alpha_bar).sqrt() * clean,
    }[prediction_type]
    found = split_prediction(add_noise(clean, noise, alpha_bar), perfect, alpha_bar, prediction_type)
    torch.testing.assert_close(found, (clean, noise))


def test_v_of_diffusers_is_split_into_its_parts(pair):
    times = torch.tensor([10, 500, 900])
    alpha_bar = scheduler().alphas_cumprod[times].reshape(-1, 1, 1, 1)
    velocity = scheduler().get_velocity(*pair, times)
    found = split_prediction(add_noise(*pair, alpha_bar), velocity, alpha_bar, 'v_prediction')
    torch.testing.assert_close(found, pair, atol=1e-5, rtol=1e-5)


def test_all_signal_is_the_clean_sample(pair):
    assert torch.equal(add_noise(*pair, torch.tensor(1.0)), pair[0])


def test_another_prediction_type_is_refused(pair):
    with pytest.raises(ValueError, match=r'`prediction_type`.*flow'):
        split_prediction(*pair, torch.tensor(0.5), 'flow')
