"""One step of noising and denoising against diffusers' schedulers and DDIM's closed form."""

from __future__ import annotations

import pytest
import torch

from mmseg_gen.generators.latents import draw_noise
from mmseg_gen.generators.one_step import regenerate_latents
from mmseg_gen.generators.text import encode_prompts
from tests.tiny_models import tiny_parts


@pytest.mark.parametrize('prediction', ['epsilon', 'v_prediction'])
@pytest.mark.parametrize('timestep', [1, 400, 999])
def test_one_step_is_the_schedulers_clean_sample(prediction, timestep):
    parts = tiny_parts(prediction)
    latents = torch.randn(2, 4, 8, 6, generator=torch.Generator().manual_seed(1))
    noise, context = draw_noise(parts, [0, 1], (8, 6)), encode_prompts(parts, ['a cat', 'a dog'])
    with torch.no_grad():
        found = regenerate_latents(parts, latents, context, noise, timestep)
        noised = parts.scheduler.add_noise(latents, noise, torch.tensor([timestep] * 2))
        output = parts.unet(noised, timestep, encoder_hidden_states=context).sample
    own = type(parts.scheduler).from_config(parts.scheduler.config)
    own.set_timesteps(1000)
    expected = own.step(output, timestep, noised).pred_original_sample
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('prediction', ['epsilon', 'v_prediction'])
def test_a_perfect_network_returns_the_image(prediction, monkeypatch):
    parts = tiny_parts(prediction)
    latents, noise = torch.randn(2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    level = parts.alphas_cumprod[400]
    answer = noise if prediction == 'epsilon' else level.sqrt() * noise - (1 - level).sqrt() * latents
    monkeypatch.setattr('mmseg_gen.generators.one_step.unet_output', lambda *_: answer)
    found = regenerate_latents(parts, latents, encode_prompts(parts, ['a cat']), noise, 400)
    assert torch.allclose(found, latents, atol=1e-5)


def test_wrong_inputs_are_refused():
    parts = tiny_parts()
    latents, context = torch.zeros(1, 4, 8, 8), encode_prompts(parts, ['a cat'])
    with pytest.raises(ValueError, match=r'Expected `timestep` in \[0, 1000\), but got 1000'):
        regenerate_latents(parts, latents, context, latents, 1000)
    with pytest.raises(ValueError, match='Expected `noise` of shape'):
        regenerate_latents(parts, latents, context, latents[..., 1:], 400)
