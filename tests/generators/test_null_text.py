"""Null-text inversion: with guidance 1 it is the DDIM path; with guidance it comes back nearer than without the fit."""

from __future__ import annotations

import pytest
import torch

from mmseg_gen.functional.mask_injection import InjectionSettings
from mmseg_gen.generators.conditioning import as_conditioning
from mmseg_gen.generators.inversion import invert_latents
from mmseg_gen.generators.null_text import NullTextSettings, invert_with_null_text, regenerate_with_null_text
from mmseg_gen.generators.sampling import sample_latents
from mmseg_gen.generators.text import encode_prompts
from tests.tiny_models import tiny_parts

PROMPTS, POSITIONS = ['a photo of a cat', 'a photo of a dog'], [[5], [5]]


def example(prediction: str = 'epsilon'):
    parts = tiny_parts(prediction)
    latents = torch.randn(1, 4, 8, 6, generator=torch.Generator().manual_seed(0)).expand(2, -1, -1, -1)
    return parts, latents, encode_prompts(parts, PROMPTS)


@pytest.mark.parametrize('prediction', ['epsilon', 'v_prediction'])
def test_without_a_fit_it_is_ddim_inversion_and_guided_sampling(prediction):
    parts, latents, context = example(prediction)
    settings = NullTextSettings(steps=4, guidance=2.0, inner_steps=0)
    path = invert_with_null_text(parts, latents, as_conditioning(context), settings)
    assert torch.allclose(path.noise, invert_latents(parts, latents, context, steps=4), rtol=1e-3, atol=1e-3)
    masks = torch.zeros(2, 8, 6)
    found = regenerate_with_null_text(parts, path, as_conditioning(context), masks, POSITIONS, settings)
    expected = sample_latents(parts, context, encode_prompts(parts, ['']), path.noise, steps=4, guidance=2.0)
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_the_fit_brings_the_image_nearer():
    parts, latents, context = example()
    whole, masks, errors = as_conditioning(context), torch.zeros(2, 8, 6), []
    for inner in (0, 15):
        settings = NullTextSettings(steps=4, guidance=3.0, inner_steps=inner, rate=3e-2)
        path = invert_with_null_text(parts, latents, whole, settings)
        again = regenerate_with_null_text(parts, path, whole, masks, POSITIONS, settings)
        errors.append((again - latents).square().mean().item())
    assert errors[1] < 0.8 * errors[0]


def test_each_prompt_is_fitted_as_if_it_were_alone():
    parts, latents, context = example()
    # At this tolerance the second image ends its steps of Adam after three, the first goes on to the last.
    latents, whole = torch.cat([latents[:1], 3 * latents[:1].flip(3)]), as_conditioning(context)
    settings = NullTextSettings(steps=2, guidance=2.0, inner_steps=6, rate=3e-2, tolerance=0.053)
    both = invert_with_null_text(parts, latents, whole, settings)
    for i in range(2):
        alone = invert_with_null_text(parts, latents[i : i + 1], whole[[i]], settings)
        for together, single in zip(both.tokens, alone.tokens, strict=True):
            torch.testing.assert_close(together[i], single[0], rtol=1e-2, atol=2e-3)


def literal(parts, latents, context, empty, *, steps, guidance, inner, rate, tolerance):
    """Algorithm 1 of Mokady et al. with their ramps, for one image: the tokens, and how often Adam moved each."""
    times, alphas = [k * (1000 // steps) + 1 for k in reversed(range(steps))], parts.scheduler.alphas_cumprod

    def move(z, noise, t, s):
        now, then = (alphas[max(x, 0)] for x in (t, s))
        return then.sqrt() * (z - (1 - now).sqrt() * noise) / now.sqrt() + (1 - then).sqrt() * noise

    path = [latents]
    with torch.no_grad():
        for t in reversed(times):
            path.insert(0, move(path[0], parts.unet(path[0], t, context).sample, t - 1000 // steps, t))
    z, tokens, found, counts = path[0], empty.clone(), [], []
    for i, t in enumerate(times):
        with torch.no_grad():
            prompted = parts.unet(z, t, context).sample
        tokens = tokens.detach().clone().requires_grad_()
        adam, count = torch.optim.Adam([tokens], lr=rate * (1 - i / 100)), 0
        for _ in range(inner):
            opposite = parts.unet(z, t, tokens).sample
            made = move(z, opposite + guidance * (prompted - opposite), t, t - 1000 // steps)
            loss = (made - path[i + 1]).square().mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            count += 1
            if loss.item() < tolerance * (1 + 2 * i):
                break
        found.append(tokens.detach())
        counts.append(count)
        with torch.no_grad():
            opposite = parts.unet(z, t, tokens).sample
            z = move(z, opposite + guidance * (prompted - opposite), t, t - 1000 // steps)
    return found, counts


def test_the_tokens_are_those_of_the_authors_algorithm():
    parts, latents, context = example()
    options = dict(steps=4, guidance=3.0, rate=3e-2, tolerance=0.1)
    settings = NullTextSettings(**options, inner_steps=8)
    found = invert_with_null_text(parts, latents[:1], as_conditioning(context)[[0]], settings).tokens
    empty = encode_prompts(parts, [''])
    expected, counts = literal(parts, latents[:1], context[:1], empty, inner=8, **options)
    # The last step ends at once by the raised tolerance, the first does not by its own.
    assert (counts[0], counts[-1]) == (8, 1)
    for own, tokens in zip(found, expected, strict=True):
        torch.testing.assert_close(own, tokens, rtol=1e-2, atol=2e-3)


def test_a_mask_changes_its_own_sample_only():
    parts, latents, context = example()
    whole, settings = as_conditioning(context), NullTextSettings(steps=2, inner_steps=1)
    path = invert_with_null_text(parts, latents, whole, settings)
    masks = torch.zeros(2, 8, 6)
    masks[1, 2:6, 1:4] = 1
    injection = InjectionSettings()
    plain = regenerate_with_null_text(parts, path, whole, masks, [[], [5]], settings)
    found = regenerate_with_null_text(parts, path, whole, masks, [[], [5]], settings, injection)
    assert torch.allclose(found[0], plain[0], rtol=1e-3, atol=1e-3)
    assert not torch.allclose(found[1], plain[1], rtol=1e-2, atol=1e-2)


def test_wrong_settings_are_refused():
    for options, name in ((dict(steps=0), 'steps'), (dict(inner_steps=-1), 'inner_steps'), (dict(rate=0), 'rate')):
        with pytest.raises(ValueError, match=f'Expected `{name}`'):
            NullTextSettings(**options)
