"""ControlNets of true structure and random weights, against diffusers' own pipelines."""

from __future__ import annotations

from functools import lru_cache

import pytest
import torch
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline, StableDiffusionXLControlNetPipeline

from mmseg_gen.errors import UserError
from mmseg_gen.functional.control_image import ControlSettings
from mmseg_gen.functional.mask_injection import InjectionSettings
from mmseg_gen.generators.control import Control, ControlInjection, load_control
from mmseg_gen.generators.latents import draw_noise
from mmseg_gen.generators.regeneration import Regenerator
from mmseg_gen.generators.sampling import sample_latents
from mmseg_gen.generators.text import encode_prompts
from tests.tiny_models import tiny_family

NAMES = ['cat', 'potted plant']
PROMPTS = [f'a photo of a {name}' for name in NAMES]
SIZE = (8, 12)
COLORS = {'cat': (250, 10, 30)}
FAMILIES = [('sd', 'epsilon'), ('sd', 'v_prediction'), ('sdxl', 'epsilon')]


@lru_cache(None)
def model(family: str, prediction_type: str = 'epsilon'):
    return tiny_family(family, prediction_type)


def tiny_control(parts, **settings) -> Control:
    """Return a ControlNet with the UNet's weights, and others where a new one has zeros and would add nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        # The image is twice as large as the latents, as that of the tiny autoencoder.
        net = ControlNetModel.from_unet(parts.unet, conditioning_embedding_out_channels=(8, 16))
        for name, parameter in net.named_parameters():
            if name.startswith(('controlnet_', 'controlnet_cond')):
                torch.nn.init.normal_(parameter, std=0.2)
    return Control(net.eval().requires_grad_(False), ControlSettings('tiny', colors=COLORS, **settings))


def masks() -> torch.Tensor:
    return (torch.rand(2, 16, 24, generator=torch.Generator().manual_seed(1)) > 0.4).float()


def painted() -> torch.Tensor:
    """Return the control images, by hand."""
    first = masks()[0] * torch.tensor(COLORS['cat']).view(3, 1, 1) / 255
    return torch.stack([first, masks()[1].expand(3, 16, 24)])


@pytest.mark.parametrize('scale', [1.0, 0.3])
@pytest.mark.parametrize(('family', 'prediction_type'), FAMILIES)
def test_sampling_with_a_control_net_equals_the_pipeline_of_diffusers(family, prediction_type, scale):
    parts = model(family, prediction_type)
    control, noise = tiny_control(parts, scale=scale), draw_noise(parts, [1, 2], SIZE)
    pieces = dict(
        vae=parts.vae, unet=parts.unet, text_encoder=parts.text_encoder, tokenizer=parts.tokenizer,
        scheduler=parts.scheduler, feature_extractor=None, controlnet=control.net,
    )  # fmt: skip
    if family == 'sdxl':
        more = dict(text_encoder_2=parts.text_encoder_2, tokenizer_2=parts.tokenizer_2, add_watermarker=False)
        pipeline = StableDiffusionXLControlNetPipeline(**pieces, **more)
    else:
        pipeline = StableDiffusionControlNetPipeline(**pieces, safety_checker=None, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    expected = pipeline(
        PROMPTS, image=painted(), latents=noise, num_inference_steps=2, guidance_scale=1.0, output_type='latent',
        controlnet_conditioning_scale=scale, height=16, width=24,
    ).images  # fmt: skip
    context = encode_prompts(parts, PROMPTS)
    with ControlInjection(parts.unet, control, masks(), NAMES):
        found = sample_latents(parts, context, None, noise, steps=2, guidance=1.0)
    plain = sample_latents(parts, context, None, noise, steps=2, guidance=1.0)
    torch.testing.assert_close(found, expected, atol=1e-4 * expected.abs().max().item(), rtol=1e-4)
    assert (found - plain).abs().max() > 1e-2
    # After the context the UNet is as before.
    assert torch.equal(sample_latents(parts, context, None, noise, steps=2, guidance=1.0), plain)


@pytest.mark.parametrize('injection', [None, InjectionSettings()])
def test_a_consistency_model_takes_a_control_net_without_its_guidance(injection):
    parts = model('lcm')
    # As with LCM, whose ControlNets are those of the model that it was distilled from.
    control = tiny_control(model('sd'))
    regenerator = Regenerator(parts, injection=injection, control=control)
    plain = Regenerator(parts, injection=injection)
    latents = torch.randn(1, 4, *SIZE, generator=torch.Generator().manual_seed(0))
    made = [r.regenerate(latents, masks(), r.prompts(NAMES), [0]) for r in (regenerator, plain)]
    assert torch.isfinite(made[0]).all()
    assert (made[0] - made[1]).abs().max() > 1e-2


def test_all_classes_go_through_one_pass_of_both_networks_and_keep_their_colours():
    parts = model('sd')
    control, calls = tiny_control(parts), []
    hooks = [m.register_forward_pre_hook(lambda m, args: calls.append(len(args[0]))) for m in (parts.unet, control.net)]
    latents = torch.randn(1, 4, *SIZE, generator=torch.Generator().manual_seed(0))
    regenerator = Regenerator(parts, injection=None, control=control)
    prompts = regenerator.prompts(NAMES)
    together = regenerator.regenerate(latents, masks(), prompts, [0, 1])
    assert calls == [4, 4]
    for hook in hooks:
        hook.remove()
    for b, name in enumerate(NAMES):
        alone = regenerator.regenerate(latents, masks()[b : b + 1], regenerator.prompts([name]), [0, 1])
        torch.testing.assert_close(together[b], alone[0], atol=1e-4, rtol=1e-4)


def test_the_gradient_follows_a_soft_control_image():
    parts = model('sd')
    regenerator = Regenerator(parts, timestep=300, injection=None, control=tiny_control(parts, soft=True))
    latents = torch.randn(1, 4, *SIZE, generator=torch.Generator().manual_seed(0))
    prompts, inner = regenerator.prompts(NAMES), masks().clamp(0.1, 0.9)
    _, slopes = regenerator.gradients(latents, inner, prompts, [1])
    direction = torch.randn(inner.shape, generator=torch.Generator().manual_seed(2))
    ends = [regenerator.errors(latents, inner + s * 1e-2 * direction, prompts, [1]) for s in (1, -1)]
    numeric = (ends[0] - ends[1]) / 2e-2
    assert torch.allclose((slopes * direction[:, None]).sum((2, 3)), numeric, rtol=0.05, atol=1e-4)


def test_a_saved_control_net_is_loaded_and_one_of_another_family_refused(tmp_path):
    parts = model('sd')
    control = tiny_control(parts)
    control.net.save_pretrained(tmp_path / 'control')
    loaded = load_control(parts, ControlSettings(str(tmp_path / 'control')))
    assert all(torch.equal(a, b) for a, b in zip(loaded.net.parameters(), control.net.parameters(), strict=True))
    assert not loaded.net.training
    with pytest.raises(UserError, match='Expected a ControlNet for this UNet, whose block_out_channels is'):
        load_control(model('sdxl'), ControlSettings(str(tmp_path / 'control')))
    with pytest.raises(UserError, match='no-such-place'):
        load_control(parts, ControlSettings(str(tmp_path / 'no-such-place')))
    parts.unet.save_pretrained(tmp_path / 'unet')
    with pytest.raises(UserError, match='Expected all weights of'):
        load_control(parts, ControlSettings(str(tmp_path / 'unet')))


def test_a_batch_of_another_size_is_refused():
    parts = model('sd')
    noise, context = draw_noise(parts, [1, 2, 3], SIZE), encode_prompts(parts, ['', '', ''])
    with (
        ControlInjection(parts.unet, tiny_control(parts), masks(), NAMES),
        pytest.raises(ValueError, match='Expected a batch of 2 samples, one for each mask, but got 3'),
    ):
        sample_latents(parts, context, None, noise, steps=1, guidance=1.0)
    with pytest.raises(ValueError, match='Expected one of `names` for each of 2 masks, but got 1'):
        ControlInjection(parts.unet, tiny_control(parts), masks(), NAMES[:1])
