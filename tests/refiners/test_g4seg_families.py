"""G4Seg with the structures of SD 2.1 (v), SDXL, SSD-1B and LCM: the image made again, the calls, both updates."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diffusers import ControlNetModel, DDIMScheduler

from mmseg_gen.functional.mask_injection import InjectionSettings
from mmseg_gen.generators.conditioning import guidance_embedding
from mmseg_gen.generators.latents import draw_noise
from mmseg_gen.generators.prompts import class_token_positions
from mmseg_gen.generators.regeneration import Regenerator
from mmseg_gen.refiners import G4Seg
from tests.tiny_models import tiny_family, tiny_pipeline

FAMILIES = [
    ('sd', 'v_prediction'),
    ('sdxl', 'epsilon'),
    ('ssd_1b', 'epsilon'),
    ('lcm', 'epsilon'),
    ('lcm_sdxl', 'epsilon'),
]
NAMES = ['cat', 'potted plant']
SIZE, ALPHA, TIMESTEP = (8, 12), 3.0, 400
WIDE = dict(low=0.0, high=1.0, max_distance=None)


@lru_cache(None)
def model(family: str, prediction_type: str = 'epsilon'):
    return tiny_family(family, prediction_type, clip=True)


class Biased:
    """Eq. 3-5 with PyTorch's own attention: alpha / sqrt(d) is added where class and mask meet."""

    def __init__(self, mask: torch.Tensor, positions: list[int]):
        self.mask, self.positions = mask, positions

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None):
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        samples, queries, _ = hidden_states.shape
        level = next(k for k in (1, 2, 4) if SIZE[0] * SIZE[1] == queries * k * k)
        flat = (F.avg_pool2d(self.mask[None, None], 2 * level)[0, 0] > 0.5).float().flatten()
        bias = torch.zeros(queries, context.shape[1])
        if encoder_hidden_states is None:
            bias = ALPHA * flat[:, None] * flat[None]
        else:
            bias[:, self.positions] = ALPHA * flat[:, None]
        heads = [
            p(x).view(samples, -1, attn.heads, attn.to_q.out_features // attn.heads).transpose(1, 2)
            for p, x in ((attn.to_q, hidden_states), (attn.to_k, context), (attn.to_v, context))
        ]
        bias = bias / heads[0].shape[-1] ** 0.5
        out = F.scaled_dot_product_attention(*heads, attn_mask=bias)
        return attn.to_out[0](out.transpose(1, 2).reshape(samples, queries, -1))


def by_hand(parts, latents, mask, name):
    """One class: diffusers' prompts and schedule, the UNet called as diffusers' pipelines call it."""
    prompt, own = f'a photo of a {name}', DDIMScheduler.from_config(parts.scheduler.config)
    own.set_timesteps(1000)
    noised = own.add_noise(latents, draw_noise(parts, [0], SIZE), torch.tensor([TIMESTEP]))
    encoded = tiny_pipeline(parts).encode_prompt(prompt, device='cpu', num_images_per_prompt=1, do_classifier_free_guidance=False)  # fmt: skip  # noqa: E501
    more = {}
    if parts.text_encoder_2 is not None:
        sizes = torch.tensor([[16.0, 24.0, 0, 0, 16, 24]])
        more['added_cond_kwargs'] = {'text_embeds': encoded[2], 'time_ids': sizes}
    if parts.unet.config.time_cond_proj_dim:
        more['timestep_cond'] = guidance_embedding(1.0, 1, parts.unet.config.time_cond_proj_dim)
    before = dict(parts.unet.attn_processors)
    parts.unet.set_attn_processor(Biased(mask, class_token_positions(parts.tokenizer, prompt, name)))
    try:
        with torch.no_grad():
            output = parts.unet(noised, TIMESTEP, encoder_hidden_states=encoded[0], **more).sample
    finally:
        parts.unet.set_attn_processor(before)
    return own.step(output, TIMESTEP, noised).pred_original_sample[0]


@pytest.mark.parametrize(('family', 'prediction_type'), FAMILIES)
def test_the_image_made_again_equals_the_parts_of_diffusers(family, prediction_type):
    parts = model(family, prediction_type)
    settings = InjectionSettings(cross_weight=ALPHA, self_weight=ALPHA, range_adaptive=False)
    regenerator = Regenerator(parts, timestep=TIMESTEP, injection=settings)
    generator = torch.Generator().manual_seed(0)
    latents, masks = torch.randn(1, 4, *SIZE, generator=generator), torch.zeros(2, 16, 24)
    masks[0, 2:10, 3:12], masks[1, 7:15, 9:22] = 1, 1
    made = regenerator.regenerate(latents, masks, regenerator.prompts(NAMES), [0])
    for one, mask, name in zip(made[:, 0], masks, NAMES, strict=True):
        expected = by_hand(parts, latents, mask, name)
        torch.testing.assert_close(one, expected, atol=1e-3 * expected.abs().max().item(), rtol=1e-3)


def example():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4, 20, 30)).astype(np.float32)
    for c in (1, 2, 3):
        logits[c, 5 * c : 5 * c + 4, 4 * c : 4 * c + 12] += 2
    powers = np.exp(logits)
    image = rng.integers(0, 255, (20, 30, 3), dtype=np.uint8)
    return image, (powers / powers.sum(0)).astype(np.float32), ['background', 'cat', 'potted plant', 'dog']


@pytest.mark.parametrize(
    'options',
    [dict(), dict(update='gradient', gradient=dict(steps=2), injection=dict(negative_branch=True))],
    ids=['mix', 'gradient'],
)
@pytest.mark.parametrize(('family', 'prediction_type'), FAMILIES)
def test_every_family_refines_in_as_many_passes_as_steps(family, prediction_type, options):
    parts = model(family, prediction_type)
    image, probabilities, names = example()
    calls: list[int] = []
    handle = parts.unet.register_forward_pre_hook(lambda module, args: calls.append(len(args[0])))
    found = G4Seg(parts, band=WIDE, **options)(image, probabilities, names)
    handle.remove()
    # Three classes in each pass.
    assert calls == [3] * (2 if options else 1)
    assert found.shape == probabilities.shape
    assert np.allclose(found.sum(0), 1, atol=1e-5)
    assert np.isfinite(found).all()
    assert (found != probabilities).any()


@pytest.mark.parametrize('classes', [1, 2, 7])
def test_one_pass_whatever_the_number_of_classes(classes):
    parts, rng = model('sd'), np.random.default_rng(1)
    values = rng.dirichlet(np.ones(classes + 1), (12, 16)).transpose(2, 0, 1).astype(np.float32)
    image = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
    words = ['cat', 'dog', 'bird', 'red cat', 'red dog', 'red bird', 'potted plant'][:classes]
    calls: list[int] = []
    handle = parts.unet.register_forward_pre_hook(lambda module, args: calls.append(len(args[0])))
    G4Seg(parts, band=WIDE)(image, values, ['background', *words])
    handle.remove()
    assert calls == [classes]


@pytest.mark.parametrize('update', ['mix', 'gradient'])
def test_a_control_net_takes_the_place_of_the_injection(update, tmp_path):
    parts = model('sd')
    torch.manual_seed(0)
    net = ControlNetModel.from_unet(parts.unet, conditioning_embedding_out_channels=(8, 16))
    for name, parameter in net.named_parameters():
        if name.startswith('controlnet_'):
            torch.nn.init.normal_(parameter, std=0.2)
    net.save_pretrained(tmp_path)
    image, probabilities, names = example()
    options = dict(
        band=WIDE, update=update, gradient=dict(steps=1), features=dict(type='Colors'), normalization='complement'
    )
    control = dict(model=str(tmp_path), colors={'cat': (255, 0, 0)})
    results = [
        G4Seg(parts, **options, injection=injection, control=own)(image, probabilities, names)
        for injection, own in ((False, control), (True, None), (True, control))
    ]
    for found in results:
        assert np.allclose(found.sum(0), 1, atol=1e-5)
    assert all((a != b).any() for a, b in zip(results, results[1:] + results[:1], strict=True))


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(control={}), 'Expected `model` of `control`'),
        (dict(control=dict(model='x'), null_text={}), 'Expected no `null_text`'),
        (dict(control=dict(model='x', soft=False), update='gradient'), 'Expected a soft `control`'),
    ],
)
def test_a_control_that_cannot_be_is_refused(options, match):
    with pytest.raises(ValueError, match=match):
        G4Seg(model('sd'), **options)
