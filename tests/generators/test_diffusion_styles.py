from __future__ import annotations

import numpy as np
import pytest
import torch

from mmseg_gen.generators.diffusion_styles import diffusion_stack, diffusion_variations, shared_structure
from mmseg_gen.generators.latents import decode_latents, encode_images
from mmseg_gen.generators.style_mixing import to_pixels
from mmseg_gen.generators.text import encode_prompts
from tests.tiny_models import tiny_parts

PROMPTS = ['a photo of a red cat', 'a photo of a dog', 'a cat']


@pytest.fixture(scope='module')
def parts():
    return tiny_parts()


@pytest.fixture(scope='module')
def image():
    return np.random.default_rng(0).integers(0, 256, (16, 24, 3)).astype(np.uint8)


def reference(parts, image, prompt, wanted, steps, strength, guidance):
    """Go up and down with diffusers' own schedulers, without shared attention."""
    from diffusers import DDIMInverseScheduler, DDIMScheduler

    pixels = torch.from_numpy(image).permute(2, 0, 1)[None] / 127.5 - 1
    latents = encode_images(parts, pixels)
    own, other, empty = (encode_prompts(parts, [text]) for text in (prompt, wanted, ''))
    down = DDIMScheduler.from_config(parts.scheduler.config)
    up = DDIMInverseScheduler.from_config(parts.scheduler.config)
    count = round(strength * steps)
    for scheduler in (down, up):
        scheduler.set_timesteps(steps)
    with torch.no_grad():
        # The inverse scheduler's own timesteps are shifted by one step: the network is told the noisier end.
        for timestep in down.timesteps.flip(0)[:count]:
            output = parts.unet(latents, timestep, encoder_hidden_states=own).sample
            latents = up.step(output, timestep, latents).prev_sample
        for timestep in down.timesteps[-count:]:
            without, under = (parts.unet(latents, timestep, encoder_hidden_states=c).sample for c in (empty, other))
            latents = down.step(without + guidance * (under - without), timestep, latents).prev_sample
    return to_pixels(decode_latents(parts, latents))[0]


def test_without_shared_structure_it_is_inversion_and_sampling_of_diffusers(parts, image):
    options = dict(steps=5, strength=0.6, structure=0.0, guidance=2.0)
    found = diffusion_stack(parts, image, 'a cat', PROMPTS, **options)
    assert found.images.shape == (3, 16, 24, 3)
    for got, wanted in zip(found.images, PROMPTS, strict=True):
        expected = reference(parts, image, 'a cat', wanted, 5, 0.6, 2.0)
        assert np.abs(got.astype(int) - expected).max() <= 2


def test_batches_do_not_matter(parts, image):
    whole = diffusion_stack(parts, image, 'a cat', PROMPTS, steps=3, batch=3).images.astype(int)
    batches = list(diffusion_variations(parts, image, 'a cat', PROMPTS, steps=3, batch=2))
    assert [len(b) for b in batches] == [2, 1]
    assert np.abs(np.concatenate(batches) - whole).max() <= 1


def test_shared_structure_attends_as_the_first_of_each_group_and_goes_away(parts):
    attention = next(m for n, m in parts.unet.named_modules() if n.endswith('attn1'))
    width = attention.to_q.in_features
    x = torch.randn(4, 6, width, generator=torch.Generator().manual_seed(0))
    before = dict(parts.unet.attn_processors)
    plain = attention(x)
    with shared_structure(parts.unet, 2):
        found = attention(x)
    heads = attention.heads
    for n in range(4):
        lead = x[n - n % 2]
        q, k, v = attention.to_q(lead), attention.to_k(lead), attention.to_v(x[n])
        rows = []
        for h in range(heads):
            part = slice(h * width // heads, (h + 1) * width // heads)
            weights = (q[:, part] @ k[:, part].T * attention.scale).softmax(1)
            rows.append(weights @ v[:, part])
        expected = attention.to_out[0](torch.cat(rows, 1))
        torch.testing.assert_close(found[n], expected, atol=1e-5, rtol=1e-4)
    # The first of each group is as it is without.
    torch.testing.assert_close(found[::2], plain[::2], atol=1e-5, rtol=1e-4)
    assert parts.unet.attn_processors == before
    with pytest.raises(RuntimeError, match='inside'), shared_structure(parts.unet, 1):
        raise RuntimeError('inside')
    assert parts.unet.attn_processors == before


def test_wrong_numbers_are_named_at_once(parts, image):
    wrong = dict(strength=(0, 1.1), structure=(-0.1, 1.1), batch=(0,))
    for name, values in wrong.items():
        for value in values:
            with pytest.raises(ValueError, match=f'`{name}`.*but got .*{value}'):
                diffusion_variations(parts, image, 'a cat', PROMPTS, **{name: value})
    ends = diffusion_variations(parts, image, 'a cat', PROMPTS[:1], steps=2, strength=1.0, structure=1.0, batch=1)
    assert next(ends).shape == (1, *image.shape)
    with pytest.raises(ValueError, match='`prompts`'):
        diffusion_variations(parts, image, 'a cat', [])
