import dataclasses

import pytest
import torch

from mmseg_gen.generators.capture import AttentionRecorder
from mmseg_gen.generators.denoising import ddim_steps
from mmseg_gen.generators.features import FeatureRecorder
from mmseg_gen.generators.latents import draw_noise
from mmseg_gen.generators.sampling import sample_latents
from mmseg_gen.generators.text import encode_prompts
from tests.tiny_models import tiny_parts, tiny_pipeline, tiny_scheduler

PROMPTS = ['a photo of a cat', 'a red bird']


@pytest.fixture(scope='module', params=['epsilon', 'v_prediction'])
def parts(request):
    return tiny_parts(request.param)


def embed(parts):
    return encode_prompts(parts, PROMPTS), encode_prompts(parts, [''])


@pytest.mark.parametrize('guidance', [1.0, 7.5])
@pytest.mark.parametrize('size', [(8, 8), (4, 12)])
def test_equals_the_pipeline_of_diffusers(parts, guidance, size):
    noise = draw_noise(parts, [1, 2], size)
    expected = tiny_pipeline(parts)(
        PROMPTS, latents=noise, num_inference_steps=7, guidance_scale=guidance, output_type='latent', eta=0.0,
        height=size[0] * parts.latent_scale, width=size[1] * parts.latent_scale,
    ).images  # fmt: skip
    context, empty = embed(parts)
    found = sample_latents(parts, context, empty, noise, steps=7, guidance=guidance)
    torch.testing.assert_close(found, expected, atol=1e-4 * expected.abs().max().item(), rtol=1e-4)


@pytest.mark.parametrize('ends_at_one', [False, True])
@pytest.mark.parametrize('spacing', ['leading', 'trailing', 'linspace'])
def test_steps_follow_the_scheduler(spacing, ends_at_one):
    options = dict(timestep_spacing=spacing, set_alpha_to_one=ends_at_one)
    scheduler = type(tiny_scheduler()).from_config(tiny_scheduler().config, **options)
    steps = ddim_steps(scheduler, 40)
    scheduler.set_timesteps(40)
    assert [s.timestep for s in steps] == scheduler.timesteps.tolist()
    sample, output = torch.randn(1, 4, 8, 8), torch.randn(1, 4, 8, 8)
    for step in (steps[0], steps[17], steps[-1]):
        moved = scheduler.step(output, step.timestep, sample).prev_sample
        clean = (sample - (1 - step.noisy).sqrt() * output) / step.noisy.sqrt()
        own = step.cleaner.sqrt() * clean + (1 - step.cleaner).sqrt() * output
        torch.testing.assert_close(own, moved, atol=1e-5, rtol=1e-5)


def test_a_sample_does_not_depend_on_its_batch(parts):
    context, empty = embed(parts)
    noise = draw_noise(parts, [1, 2])
    both = sample_latents(parts, context, empty, noise, steps=3)
    alone = sample_latents(parts, context[1:], empty, noise[1:], steps=3)
    torch.testing.assert_close(both[1:], alone, atol=1e-3, rtol=1e-4)


def test_recorders_see_the_half_under_the_prompt(parts):
    context, empty = embed(parts)
    noise = draw_noise(parts, [1, 2])
    recorder, features = AttentionRecorder(parts.unet, (8, 8)), FeatureRecorder(parts.unet)
    guided = sample_latents(parts, context, empty, noise, steps=1, recorder=recorder, features=features)
    torch.testing.assert_close(guided, sample_latents(parts, context, empty, noise, steps=1), atol=1e-3, rtol=1e-4)
    assert not recorder.conditional_half
    alone, own = AttentionRecorder(parts.unet, (8, 8)), FeatureRecorder(parts.unet)
    with alone, own:
        # The first step starts from the same noise with and without guidance.
        sample_latents(parts, context, empty, noise, steps=1, guidance=1, recorder=alone, features=own)
    for a, b in zip(recorder.cross_maps([[1], [2]]), alone.cross_maps([[1], [2]]), strict=True):
        torch.testing.assert_close(a, b)
    for a, b in zip(features.features(), own.features(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


def test_wrong_inputs_are_refused(parts):
    context, empty = embed(parts)
    noise = draw_noise(parts, [1, 2])
    with pytest.raises(ValueError, match=r'context.*\(2, K, 32\)'):
        sample_latents(parts, context[:1], empty, noise)
    with pytest.raises(ValueError, match=r'latents of shape \(N, 4'):
        sample_latents(parts, context, empty, noise[:, :3])
    with pytest.raises(ValueError, match='`steps` in'):
        sample_latents(parts, context, empty, noise, steps=0)
    with pytest.raises(ValueError, match='finite latents after sampling'):
        sample_latents(parts, context, empty, noise * float('nan'), steps=1)


def test_the_scheduler_is_not_changed(parts):
    context, empty = embed(parts)
    own = dataclasses.replace(parts, scheduler=tiny_scheduler(parts.prediction_type))
    own.scheduler.set_timesteps(13)
    sample_latents(own, context, empty, draw_noise(parts, [1, 2]), steps=2, guidance=1)
    assert len(own.scheduler.timesteps) == 13
