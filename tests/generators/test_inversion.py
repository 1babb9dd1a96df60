import dataclasses
from types import SimpleNamespace

import pytest
import torch
from diffusers import DDIMInverseScheduler

from mmseg_gen.generators.capture import AttentionRecorder
from mmseg_gen.generators.inversion import invert_latents
from mmseg_gen.generators.sampling import sample_latents
from mmseg_gen.generators.text import encode_prompts
from tests.tiny_models import WIDTH, tiny_parts

TYPES = ('epsilon', 'v_prediction')


class AnalyticUnet:
    """The exact denoiser of a mixture of two Gaussians over latents, as 'epsilon' or 'v_prediction'."""

    dtype, device = torch.float32, torch.device('cpu')
    config = SimpleNamespace(in_channels=4, cross_attention_dim=WIDTH)

    def __init__(self, alphas, prediction_type, spread=0.5):
        self.alphas, self.prediction_type, self.spread, self.calls = alphas, prediction_type, spread, 0
        self.means = torch.randn(2, 4, 2, 2, generator=torch.Generator().manual_seed(0))

    def parameters(self):
        return iter([self.means])

    def __call__(self, sample, timestep, encoder_hidden_states, return_dict):
        self.calls += 1
        a = self.alphas[timestep]
        variance = a * self.spread**2 + 1 - a
        away = sample[:, None] - a.sqrt() * self.means
        share = (-away.square().flatten(2).sum(2) / (2 * variance)).softmax(1)[..., None, None, None]
        noise = (1 - a).sqrt() * (share * away).sum(1) / variance
        if self.prediction_type == 'epsilon':
            return (noise,)
        clean = (sample - (1 - a).sqrt() * noise) / a.sqrt()
        return (a.sqrt() * noise - (1 - a).sqrt() * clean,)


class ConstantUnet(AnalyticUnet):
    def __call__(self, sample, timestep, encoder_hidden_states, return_dict):
        return (self.means[:1].expand(sample.shape),)


def analytic_parts(prediction_type, kind=AnalyticUnet):
    parts = tiny_parts(prediction_type)
    return dataclasses.replace(parts, unet=kind(parts.scheduler.alphas_cumprod, prediction_type))


def clean_latents(parts, count=8):
    generator = torch.Generator().manual_seed(1)
    rows = torch.randint(0, 2, (count,), generator=generator)
    return parts.unet.means[rows] + 0.5 * torch.randn(count, 4, 2, 2, generator=generator)


def round_trip_error(parts, latents, **options):
    context = torch.zeros(len(latents), 3, WIDTH)
    noise = invert_latents(parts, latents, context, **options)
    back = sample_latents(parts, context, context, noise, steps=options['steps'], guidance=1)
    return ((back - latents).norm() / latents.norm()).item()


@pytest.mark.parametrize('prediction_type', TYPES)
def test_equals_the_inverse_scheduler_of_diffusers(prediction_type):
    parts = tiny_parts(prediction_type)
    context = encode_prompts(parts, ['a cat', 'a dog'])
    latents = torch.randn(2, 4, 8, 6, generator=torch.Generator().manual_seed(0))
    inverse = DDIMInverseScheduler.from_config(parts.scheduler.config)
    inverse.set_timesteps(8)
    expected = latents
    with torch.no_grad():
        for t in inverse.timesteps:
            expected = inverse.step(parts.unet(expected, t, context).sample, t, expected).prev_sample
    found = invert_latents(parts, latents, context, steps=8)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('refinements', [0, 2])
def test_constant_noise_is_inverted_exactly(refinements):
    parts = analytic_parts('epsilon', ConstantUnet)
    assert round_trip_error(parts, clean_latents(parts), steps=10, fixed_point=refinements) < 1e-5


@pytest.mark.parametrize('prediction_type', TYPES)
def test_the_error_falls_with_steps_and_refinements(prediction_type):
    parts = analytic_parts(prediction_type)
    latents = clean_latents(parts)
    plain = [round_trip_error(parts, latents, steps=steps) for steps in (5, 20, 80)]
    assert plain[0] > 2 * plain[1] > 4 * plain[2]
    refined = [round_trip_error(parts, latents, steps=20, fixed_point=k) for k in (0, 1, 3, 10)]
    assert refined[0] > 2 * refined[1] > 4 * refined[2]
    assert refined[3] < 1e-3


def test_both_prediction_types_give_the_same_noise():
    latents = clean_latents(analytic_parts('epsilon'))
    context = torch.zeros(len(latents), 3, WIDTH)
    found = [invert_latents(analytic_parts(t), latents, context, steps=40, fixed_point=4) for t in TYPES]
    torch.testing.assert_close(found[0], found[1], atol=1e-3, rtol=1e-3)


def test_refinements_cost_one_call_each_and_are_recorded_once():
    parts = tiny_parts()
    context = encode_prompts(parts, ['a cat'])
    recorder = AttentionRecorder(parts.unet, (8, 8))
    invert_latents(parts, torch.randn(1, 4, 8, 8), context, steps=3, fixed_point=2, recorder=recorder)
    assert set(recorder._steps.values()) == {3}
    analytic = analytic_parts('epsilon')
    invert_latents(analytic, clean_latents(analytic, 1), torch.zeros(1, 3, WIDTH), steps=3, fixed_point=2)
    assert analytic.unet.calls == 9


def test_a_sample_does_not_depend_on_its_batch():
    parts = tiny_parts()
    context = encode_prompts(parts, ['a cat', 'a dog'])
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    both = invert_latents(parts, latents, context, steps=3)
    torch.testing.assert_close(both[1:], invert_latents(parts, latents[1:], context[1:], steps=3), atol=1e-4, rtol=1e-4)


def test_wrong_inputs_are_refused():
    parts = tiny_parts()
    context = encode_prompts(parts, ['a cat'])
    with pytest.raises(ValueError, match='`fixed_point`'):
        invert_latents(parts, torch.zeros(1, 4, 8, 8), context, fixed_point=-1)
    with pytest.raises(ValueError, match='`context`'):
        invert_latents(parts, torch.zeros(2, 4, 8, 8), context)
    with pytest.raises(ValueError, match='finite latents after inversion'):
        invert_latents(parts, torch.full((1, 4, 8, 8), float('inf')), context, steps=1)
