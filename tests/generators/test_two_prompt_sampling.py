"""Guidance between prompts: Eq. 10 by hand on a linear network, and against diffusers' scheduler."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest
import torch
from diffusers import DDIMScheduler

from mmseg_gen.functional.two_prompt_guidance import guide_between
from mmseg_gen.generators.sampling import sample_latents
from mmseg_gen.generators.text import encode_prompts
from mmseg_gen.generators.two_prompt_sampling import guided_prediction, sample_between
from tests.tiny_models import WIDTH, tiny_family, tiny_parts

SHAPE = (2, 4, 4, 3)


class LinearUnet:
    """Predicts ``0.3 sample + the mean of the prompt's embedding``."""

    dtype, device = torch.float32, torch.device('cpu')
    config = SimpleNamespace(in_channels=4, cross_attention_dim=WIDTH)

    def __init__(self):
        self.batches: list[int] = []

    def parameters(self):
        return iter([torch.zeros(1)])

    def __call__(self, sample, timestep, encoder_hidden_states, return_dict):
        self.batches.append(len(sample))
        return (0.3 * sample + encoder_hidden_states.mean((1, 2))[:, None, None, None],)


def linear_parts():
    return dataclasses.replace(tiny_parts(), unet=LinearUnet())


def conditions():
    return torch.full((2, 3, WIDTH), 0.7), torch.full((1, 3, WIDTH), -0.2)


def start():
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize('scale', [-6.5, -1.0, 0.0, 0.5, 2.0, 6.5])
def test_formula_by_hand_on_a_linear_network(scale):
    parts, (foreground, background) = linear_parts(), conditions()
    found = guided_prediction(parts, start(), foreground, background, scale)(start(), 500)
    expected = scale * (0.3 * start() + 0.7) - (scale - 1) * (0.3 * start() - 0.2)
    torch.testing.assert_close(found, expected)
    assert parts.unet.batches == [4]


def test_minus_one_is_the_switched_prompts_at_two():
    a, b = torch.randn(2, 5), torch.randn(2, 5)
    torch.testing.assert_close(guide_between(a, b, -1), guide_between(b, a, 2))
    assert torch.equal(guide_between(a, b, 1), a)
    assert torch.equal(guide_between(a, b, 0), b)


def test_one_runs_the_prompt_alone():
    parts, (foreground, _) = linear_parts(), conditions()
    found = guided_prediction(parts, start(), foreground)(start(), 500)
    torch.testing.assert_close(found, 0.3 * start() + 0.7)
    assert parts.unet.batches == [2]


def test_strip_follows_the_scheduler_of_diffusers():
    parts, (foreground, background) = linear_parts(), conditions()
    scales = [-1.0, 1.0, 3.0]
    found = sample_between(parts, foreground, background, start(), scales, steps=5)
    assert found.shape == (3, *SHAPE)
    for scale, strip in zip(scales, found, strict=True):
        scheduler = DDIMScheduler.from_config(parts.scheduler.config)
        scheduler.set_timesteps(5)
        sample = start()
        for t in scheduler.timesteps:
            output = 0.3 * sample + scale * 0.7 - (scale - 1) * -0.2
            sample = scheduler.step(output, t, sample).prev_sample
        torch.testing.assert_close(strip, sample, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('prediction_type', ['epsilon', 'v_prediction'])
def test_equals_guidance_away_from_the_background_prompt(prediction_type):
    parts = tiny_parts(prediction_type)
    foreground = encode_prompts(parts, ['a photo of a cat', 'a photo of a dog'])
    background = encode_prompts(parts, ['a photo of a background'])
    found = sample_between(parts, foreground, background, start(), [3.0], steps=4)
    expected = sample_latents(parts, foreground, background, start(), steps=4, guidance=3.0)
    torch.testing.assert_close(found[0], expected, atol=1e-4, rtol=1e-4)


def test_errors_name_what_is_missing():
    parts, (foreground, background) = linear_parts(), conditions()
    with pytest.raises(ValueError, match='`opposite` prompt'):
        guided_prediction(parts, start(), foreground, None, 2.0)
    with pytest.raises(ValueError, match='`scales`'):
        sample_between(parts, foreground, background, start(), [])
    with pytest.raises(ValueError, match='`context` of shape'):
        sample_between(parts, foreground[:1], background, start(), [1.0])
    lcm = tiny_family('lcm')
    prompt = encode_prompts(lcm, ['a cat', 'a dog'])
    with pytest.raises(ValueError, match='consistency model'):
        sample_between(lcm, prompt, prompt, start(), [1.0], steps=2)
