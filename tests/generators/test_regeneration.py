"""Regeneration of several classes in one pass, its chunks, its discrepancy and gradient."""

from __future__ import annotations

import pytest
import torch

from mmseg_gen.functional.mask_injection import InjectionSettings
from mmseg_gen.generators.latents import draw_noise
from mmseg_gen.generators.mask_injection import MaskInjection
from mmseg_gen.generators.one_step import regenerate_latents
from mmseg_gen.generators.regeneration import Regenerator
from mmseg_gen.generators.text import encode_prompts
from tests.tiny_models import tiny_parts

SOFT = InjectionSettings(soft=True, negative_branch=True)
NAMES = ['cat', 'potted plant', 'dog']
SIZE = (8, 6)


def example():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, 4, *SIZE, generator=generator), torch.rand(3, *SIZE, generator=generator)


def count_calls(unet) -> list[int]:
    calls: list[int] = []
    unet.register_forward_pre_hook(lambda module, args: calls.append(len(args[0])))
    return calls


@pytest.mark.parametrize('max_batch', [1, 4, 64])
def test_one_pass_for_all_classes_equals_one_for_each(max_batch):
    parts = tiny_parts()
    latents, masks = example()
    regenerator = Regenerator(parts, timestep=300, injection=SOFT, max_batch=max_batch)
    prompts, calls = regenerator.prompts(NAMES), count_calls(parts.unet)
    made = regenerator.regenerate(latents, masks, prompts, [5, 6])
    assert calls == {1: [1] * 6, 4: [4, 2], 64: [6]}[max_batch]
    for b, name in enumerate(NAMES):
        context = encode_prompts(parts, [f'a photo of a {name}'])
        for s, seed in enumerate((5, 6)):
            with (
                torch.no_grad(),
                MaskInjection(parts.unet, masks[b : b + 1], [prompts.positions[b]], SIZE, timestep=300, settings=SOFT),
            ):
                alone = regenerate_latents(parts, latents, context, draw_noise(parts, [seed], SIZE), 300)
            assert torch.allclose(made[b, s], alone[0], atol=1e-3)


def test_a_class_of_several_words_or_tokens_has_all_its_positions():
    regenerator = Regenerator(tiny_parts())
    assert regenerator.prompts(['potted plant', 'zebra']).positions[0] == [5, 6]
    assert regenerator.prompts(['zebra']).positions[0] == [5, 6, 7, 8, 9]


@pytest.mark.parametrize('max_batch', [1, 64])
def test_gradients_are_those_of_the_mean_squared_difference(max_batch):
    parts = tiny_parts()
    latents, masks = example()
    regenerator = Regenerator(parts, timestep=300, injection=SOFT, max_batch=max_batch)
    prompts, before = regenerator.prompts(NAMES), masks.clone()
    with torch.no_grad():
        losses, gradients = regenerator.gradients(latents, masks, prompts, [1, 2])
    assert torch.equal(masks, before)
    assert losses.shape == (3, 2)
    assert gradients.shape == (3, 2, *SIZE)
    made = regenerator.regenerate(latents, masks, prompts, [1, 2])
    expected = torch.stack([torch.stack([(m - latents[0]).square().mean() for m in row]) for row in made])
    assert torch.allclose(losses, expected, rtol=1e-4)
    assert torch.allclose(regenerator.errors(latents, masks, prompts, [1, 2]), expected, rtol=1e-4)
    direction = torch.randn(masks.shape, generator=torch.Generator().manual_seed(2))
    inner, step = masks.clamp(0.1, 0.9), 1e-2
    _, slopes = regenerator.gradients(latents, inner, prompts, [1, 2])
    ends = [regenerator.errors(latents, inner + sign * step * direction, prompts, [1, 2]) for sign in (1, -1)]
    numeric = (ends[0] - ends[1]) / (2 * step)
    # Each class's difference quotient is that of its own mask alone.
    assert torch.allclose((slopes * direction[:, None]).sum((2, 3)), numeric, rtol=0.1, atol=1e-4 * losses.max().item())


def test_wrong_settings_are_refused():
    parts = tiny_parts()
    with pytest.raises(ValueError, match=r'Expected `prompt` to hold \{class\}'):
        Regenerator(parts, 'a cat')
    with pytest.raises(ValueError, match='Expected `max_batch`'):
        Regenerator(parts, max_batch=0)
    with pytest.raises(ValueError, match='Expected `timestep`'):
        Regenerator(parts, timestep=-1)
