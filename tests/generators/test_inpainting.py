"""Blended sampling against diffusers' scheduler step by step, its limits, and its exact place on photos."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler

from mmseg_gen.functional.canvas import resize_mask
from mmseg_gen.functional.concept_labels import MixtureSettings, refine_labels
from mmseg_gen.functional.inpainting import difference_map
from mmseg_gen.generators.inpainting import inpaint_latents, inpaint_photos
from mmseg_gen.generators.sampling import sample_latents
from mmseg_gen.generators.text import encode_prompts
from tests.tiny_models import WIDTH, tiny_family, tiny_parts

SIZE = (8, 6)


def example(count: int = 2):
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(count, 4, *SIZE, generator=generator)
    return latents, (torch.rand(count, 1, *SIZE, generator=generator) < 0.4).float()


@pytest.mark.parametrize('prediction_type', ['epsilon', 'v_prediction'])
@pytest.mark.parametrize('guidance', [1.0, 2.5])
def test_equals_the_scheduler_of_diffusers_one_photo_at_a_time(prediction_type, guidance):
    parts = tiny_parts(prediction_type)
    latents, mask = example()
    context = encode_prompts(parts, ['a photo of a background'] * 2)
    opposite = encode_prompts(parts, ['a photo of a cat'])
    options = dict(steps=4, guidance=guidance, opposite=opposite)
    found = inpaint_latents(parts, latents, mask, context, [5, 6], **options)
    for n, seed in enumerate((5, 6)):
        generator = torch.Generator().manual_seed(seed)
        scheduler = DDIMScheduler.from_config(parts.scheduler.config)
        scheduler.set_timesteps(4)
        own, inside = latents[n : n + 1], mask[n : n + 1].bool()
        sample = torch.randn(own.shape[1:], generator=generator)[None]
        with torch.no_grad():
            for t in scheduler.timesteps:
                fresh = torch.randn(own.shape[1:], generator=generator)[None]
                sample = torch.where(inside, sample, scheduler.add_noise(own, fresh, t))
                output = parts.unet(sample, t, context[n : n + 1]).sample
                if guidance != 1:
                    away = parts.unet(sample, t, opposite).sample
                    output = guidance * output - (guidance - 1) * away
                sample = scheduler.step(output, t, sample).prev_sample
        expected = torch.where(inside, sample, own)
        torch.testing.assert_close(found[n : n + 1], expected, atol=1e-4, rtol=1e-4)


def test_limits_are_the_photo_and_a_free_sample():
    parts = tiny_parts()
    latents, mask = example()
    context = encode_prompts(parts, ['a photo of a background'] * 2)
    assert torch.equal(inpaint_latents(parts, latents, mask * 0, context, [1, 2], steps=3), latents)
    noise = torch.stack([torch.randn(4, *SIZE, generator=torch.Generator().manual_seed(s)) for s in (1, 2)])
    free = sample_latents(parts, context, None, noise, steps=3, guidance=1)
    everywhere = inpaint_latents(parts, latents, torch.ones_like(mask), context, [1, 2], steps=3)
    torch.testing.assert_close(everywhere, free, atol=1e-5, rtol=1e-5)


def test_a_photo_does_not_depend_on_the_batch_and_inputs_stay():
    parts = tiny_parts()
    latents, mask = example()
    before = latents.clone(), mask.clone()
    context = encode_prompts(parts, ['a photo of a background'] * 2)
    both = inpaint_latents(parts, latents, mask, context, [1, 2], steps=3)
    alone = inpaint_latents(parts, latents[1:], mask[1:], context[1:], [2], steps=3)
    torch.testing.assert_close(both[1:], alone, atol=1e-5, rtol=1e-5)
    assert torch.equal(latents, before[0])
    assert torch.equal(mask, before[1])
    outside = (mask == 0).expand_as(latents)
    assert torch.equal(both[outside], latents[outside])


def test_errors_name_shapes():
    parts = tiny_parts()
    latents, mask = example()
    context = encode_prompts(parts, ['a photo of a background'] * 2)
    with pytest.raises(ValueError, match='`mask` of shape'):
        inpaint_latents(parts, latents, mask[:, 0], context, [1, 2])
    with pytest.raises(ValueError, match='one of `seeds`'):
        inpaint_latents(parts, latents, mask, context, [1])
    with pytest.raises(ValueError, match='one of `masks`'):
        inpaint_photos(parts, [np.zeros((8, 8, 3), np.uint8)], [], (8, 8), context, [1])
    lcm = tiny_family('lcm')
    with pytest.raises(ValueError, match='consistency model'):
        inpaint_latents(lcm, latents, mask, encode_prompts(lcm, ['a cat'] * 2), [1, 2])


class BlockVae:
    """Latents are the means of 4 x 4 pixels, an image their repetition: exact on plain backgrounds."""

    config = SimpleNamespace(scaling_factor=1.0, block_out_channels=(1, 1, 1))

    def parameters(self):
        return iter([torch.zeros(1)])

    def encode(self, images):
        latents = F.avg_pool2d(images, 4)
        return SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: latents))

    def decode(self, latents, return_dict):
        return (latents.repeat_interleave(4, 2).repeat_interleave(4, 3),)


class BackgroundUnet:
    """The exact denoiser where every latent is the background's colour."""

    dtype, device = torch.float32, torch.device('cpu')
    config = SimpleNamespace(in_channels=3, cross_attention_dim=WIDTH)

    def __init__(self, alphas, color):
        self.alphas, self.color = alphas, color

    def parameters(self):
        return iter([torch.zeros(1)])

    def __call__(self, sample, timestep, encoder_hidden_states, return_dict):
        level = self.alphas[timestep]
        return ((sample - level.sqrt() * self.color) / (1 - level).sqrt(),)


@pytest.mark.parametrize(('height', 'width', 'canvas'), [(45, 61, (48, 64)), (64, 40, (64, 48)), (97, 131, (48, 64))])
def test_a_known_square_is_found_exactly_in_photos_of_any_size(height, width, canvas):
    color = np.array([204, 51, 102], np.uint8)
    square = np.zeros((height, width), bool)
    square[height // 4 : height // 2 + 3, width // 3 : 2 * width // 3 + 1] = True
    photo = np.where(square[..., None], np.array([20, 220, 60], np.uint8), color)
    grid = (canvas[0] // 4, canvas[1] // 4)
    # All cells that the square touches and one around them, as preliminary masks are too large.
    cells = F.adaptive_max_pool2d(torch.from_numpy(square)[None].float(), grid)
    preliminary = F.max_pool2d(cells, 3, 1, 1)[0].numpy() > 0
    shift = torch.from_numpy(color.astype(np.float32) / 127.5 - 1)[None, :, None, None]
    parts = tiny_parts()
    unet = BackgroundUnet(parts.scheduler.alphas_cumprod, shift)
    parts = dataclasses.replace(parts, unet=unet, vae=BlockVae())
    made = inpaint_photos(parts, [photo], [preliminary], canvas, torch.zeros(1, 3, WIDTH), [0], steps=6)
    assert made[0].shape == photo.shape
    cells = resize_mask(preliminary, square.shape).astype(np.uint8)
    found = refine_labels(difference_map(photo, made[0]), cells, MixtureSettings(orphans=False))
    assert found.outcome == 'found'
    assert np.array_equal(found.labels, square)
