"""G4Seg against a literal transcription of its equations, and what must not change."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from mmseg_gen.functional.mask_injection import InjectionSettings
from mmseg_gen.generators.latents import decode_latents, draw_noise, encode_images
from mmseg_gen.generators.mask_injection import MaskInjection
from mmseg_gen.generators.one_step import regenerate_latents
from mmseg_gen.generators.prompts import class_token_positions
from mmseg_gen.generators.text import encode_prompts
from mmseg_gen.refiners import G4Seg
from mmseg_gen.registry import REFINERS
from tests.tiny_models import tiny_parts

SIDE = 16
CLASSES = ['background', 'cat', 'potted plant']
# CLIP's own grid is 2 x 2 here, so that many similarities would be equal.
COLORS = dict(type='Colors')
WIDE = dict(low=0.0, high=1.0, max_distance=None)
DESCENT = dict(update='gradient', band=WIDE, normalization='complement', injection=dict(negative_branch=True))


@pytest.fixture(scope='module')
def parts():
    return tiny_parts('v_prediction', clip=True)


def example():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    logits = rng.normal(size=(3, SIDE, SIDE)).astype(np.float32)
    logits[1, 2:9, 3:8] += 2
    logits[2, 9:14, 6:15] += 2
    powers = np.exp(logits)
    return image, (powers / powers.sum(0)).astype(np.float32)


def literal(parts, image, probabilities, beta, low, high, reach):
    """Eq. 2-9 for each class by itself, matched by colour, with loops over pixels."""
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 127.5 - 1
    latents, labels = encode_images(parts, pixels), probabilities.argmax(0)
    updated, any_band = probabilities.astype(np.float64), np.zeros((SIDE, SIDE), bool)
    for c in (1, 2):
        prompt, mask = f'a photo of a {CLASSES[c]}', torch.from_numpy(probabilities[c : c + 1])
        positions = [class_token_positions(parts.tokenizer, prompt, CLASSES[c])]
        noise = draw_noise(parts, [0], latents.shape[-2:])
        with (
            torch.no_grad(),
            MaskInjection(parts.unet, mask, positions, (8, 8), timestep=400, settings=InjectionSettings()),
        ):
            made = decode_latents(
                parts, regenerate_latents(parts, latents, encode_prompts(parts, [prompt]), noise, 400)
            )
        grids = [np.concatenate([i[0].numpy(), np.ones((1, SIDE, SIDE))]) for i in (pixels, made)]
        original, generated = (g / np.linalg.norm(g, axis=0) for g in grids)
        for y in range(SIDE):
            for x in range(SIDE):
                s, top = probabilities[c, y, x], probabilities[c].max()
                unlike = np.argwhere((labels == c) != (labels[y, x] == c))
                near = min(np.hypot(*(q - (y, x))) for q in unlike) <= reach
                if not (low * top <= s <= high * top and near):
                    continue
                similarity = (generated[:, y, x, None, None] * original).sum(0)
                delta = np.unravel_index(similarity.argmax(), similarity.shape)
                updated[c, y, x] = beta * s + (1 - beta) * probabilities[c][delta]
                any_band[y, x] = True
    updated[:, any_band] /= updated[:, any_band].sum(0)
    return updated, any_band


def test_the_papers_settings_equal_its_equations(parts):
    image, probabilities = example()
    refiner = G4Seg(parts, grid=SIDE, beta=0.6, band=dict(max_distance=3), features=COLORS)
    found = refiner(image, probabilities, CLASSES)
    expected, band = literal(parts, image, probabilities, 0.6, 0.2, 0.6, 3)
    assert 10 < band.sum() < band.size
    # Nearly equal similarities may be ordered otherwise by a batch of two.
    assert np.mean(np.abs(found - expected).max(0) < 1e-4) > 0.98
    assert found[:, ~band].tobytes() == probabilities[:, ~band].tobytes()


@pytest.mark.parametrize('options', [dict(band=dict(max_distance=2)), {**DESCENT, 'band': dict(max_distance=2)}])
def test_pixels_out_of_the_band_are_bit_identical_and_sums_are_one(parts, options):
    image, probabilities = example()
    before = probabilities.copy()
    found = G4Seg(parts, **options)(image, probabilities, CLASSES)
    labels, changed = probabilities.argmax(0), (found != probabilities).any(0)
    allowed = np.zeros_like(changed)
    for c in (1, 2):
        top = probabilities[c].max()
        inside = (probabilities[c] >= 0.2 * top) & (probabilities[c] <= 0.6 * top)
        for y, x in np.argwhere(inside):
            unlike = np.argwhere((labels == c) != (labels[y, x] == c))
            allowed[y, x] |= min(np.hypot(*(q - (y, x))) for q in unlike) <= 2
    assert changed.any()
    assert not (changed & ~allowed).any()
    assert np.allclose(found.sum(0), 1, atol=1e-5)
    assert (probabilities == before).all()


@pytest.mark.parametrize('max_batch', [1, 16])
def test_one_forward_pass_for_all_classes_and_the_same_result_in_chunks(parts, max_batch):
    image, probabilities = example()
    calls: list[int] = []
    handle = parts.unet.register_forward_pre_hook(lambda module, args: calls.append(len(args[0])))
    found = G4Seg(parts, band=WIDE, features=COLORS, max_batch=max_batch)(image, probabilities, CLASSES)
    handle.remove()
    assert calls == ([2] if max_batch == 16 else [1, 1])
    whole = G4Seg(parts, band=WIDE, features=COLORS)(image, probabilities, CLASSES)
    assert np.mean(np.abs(found - whole).max(0) < 1e-3) > 0.98


def test_the_gradient_step_is_descent_on_the_reconstruction(parts):
    image, probabilities = example()
    one = dict(gradient=dict(steps=1, step=0.3, limit=9.0))
    found = G4Seg(parts, **{**DESCENT, **one}, present=0.0)(image, probabilities, CLASSES)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 127.5 - 1
    latents = encode_images(parts, pixels)
    settings = InjectionSettings(soft=True, negative_branch=True)
    moved = []
    for c in (1, 2):
        prompt = f'a photo of a {CLASSES[c]}'
        positions = [class_token_positions(parts.tokenizer, prompt, CLASSES[c])]
        mask = torch.from_numpy(probabilities[c]).reshape(1, 8, 2, 8, 2).mean((2, 4)).requires_grad_()
        noise, context = draw_noise(parts, [0], (8, 8)), encode_prompts(parts, [prompt])
        with MaskInjection(parts.unet, mask, positions, (8, 8), timestep=400, settings=settings):
            made = regenerate_latents(parts, latents, context, noise, 400)
        (gradient,) = torch.autograd.grad((made - latents).square().mean(), mask)
        change = -0.3 * gradient / gradient.square().mean().sqrt()
        full = torch.nn.functional.interpolate(change[None], (SIDE, SIDE), mode='bilinear')[0, 0]
        moved.append(torch.sigmoid(torch.logit(torch.from_numpy(probabilities[c]), 1e-4) + full).numpy())
    cat, plant = moved
    room = np.maximum(0, 1 - cat - plant)
    total = cat + plant + room
    assert np.allclose(found, np.stack([room, cat, plant]) / total, atol=2e-3)


def test_the_gate_of_the_gradient_keeps_a_mask_that_nothing_improves(parts):
    image, probabilities = example()
    never = {**DESCENT, 'gradient': dict(steps=1, gate=0.99)}
    assert G4Seg(parts, **never)(image, probabilities, CLASSES).tobytes() == probabilities.tobytes()
    always = {**DESCENT, 'gradient': dict(steps=1, gate=-1.0)}
    free = {**DESCENT, 'gradient': dict(steps=1)}
    results = [G4Seg(parts, **o)(image, probabilities, CLASSES) for o in (always, free)]
    assert (results[0] == results[1]).all()


def test_a_gate_on_evidence_keeps_pixels(parts):
    image, probabilities = example()
    for options in (dict(band=WIDE), DESCENT):
        free = G4Seg(parts, **options, samples=2)(image, probabilities, CLASSES)
        gated = G4Seg(parts, **options, samples=2, gate=0.9)(image, probabilities, CLASSES)
        moved = [np.count_nonzero((p != probabilities).any(0)) for p in (gated, free)]
        assert moved[0] < moved[1]


def test_null_text_inversion_takes_the_place_of_one_step(parts):
    image, probabilities = example()
    options = dict(band=WIDE, features=COLORS)
    one = G4Seg(parts, **options)(image, probabilities, CLASSES)
    inverted = G4Seg(parts, **options, null_text=dict(steps=2, inner_steps=1))(image, probabilities, CLASSES)
    assert np.allclose(inverted.sum(0), 1, atol=1e-5)
    assert (inverted != one).any()


def test_it_works_inside_inference_mode_and_is_deterministic(parts):
    image, probabilities = example()
    refiner = G4Seg(parts, **DESCENT, gradient=dict(steps=2))
    first = refiner(image, probabilities, CLASSES)
    with torch.inference_mode():
        second = refiner(image, probabilities, CLASSES)
    assert (first == second).all()


def test_absent_and_background_classes_are_not_prompted(parts, monkeypatch):
    image, probabilities = example()
    refiner, asked = G4Seg(parts, band=WIDE), []
    prompts = type(refiner.regenerator).prompts
    monkeypatch.setattr(
        type(refiner.regenerator), 'prompts', lambda self, names: asked.extend(names) or prompts(self, names)
    )
    without = probabilities.copy()
    without[2] = 0
    without /= without.sum(0)
    refiner(image, without, CLASSES)
    assert asked == ['cat']
    only_background = np.zeros_like(probabilities)
    only_background[0] = 1
    assert (refiner(image, only_background, CLASSES) == only_background).all()
    assert asked == ['cat']


def test_names_are_put_into_words(parts, monkeypatch):
    image, probabilities = example()
    refiner, asked = G4Seg(parts, names={'tvmonitor': 'dog'}, band=WIDE), []
    prompts = type(refiner.regenerator).prompts
    monkeypatch.setattr(
        type(refiner.regenerator), 'prompts', lambda self, names: asked.extend(names) or prompts(self, names)
    )
    refiner(image, probabilities, ['background', 'tvmonitor', 'potted_plant'])
    assert asked == ['dog', 'potted plant']


def test_prompts_are_encoded_once_for_all_images_with_the_same_classes(parts, monkeypatch):
    image, probabilities = example()
    refiner, asked = G4Seg(parts, band=WIDE), []
    prompts = type(refiner.regenerator).prompts
    monkeypatch.setattr(
        type(refiner.regenerator), 'prompts', lambda self, names: asked.append(list(names)) or prompts(self, names)
    )
    first = refiner(image, probabilities, CLASSES)
    assert (refiner(image, probabilities, CLASSES) == first).all()
    assert asked == [['cat', 'potted plant']]
    other = refiner(image, probabilities, ['background', 'dog', 'cat'])
    assert asked == [['cat', 'potted plant'], ['dog', 'cat']]
    assert (G4Seg(parts, band=WIDE)(image, probabilities, ['background', 'dog', 'cat']) == other).all()
    monkeypatch.setattr('mmseg_gen.refiners.g4seg._PROMPTS_KEPT', 2)
    assert (refiner(image, probabilities, ['background', 'cat', 'dog']) != other).any()
    assert (refiner(image, probabilities, CLASSES) == first).all()
    assert asked[3:] == [['cat', 'dog'], ['cat', 'potted plant']]


def test_hard_masks_are_returned_with_a_warning(parts, caplog):
    image, probabilities = example()
    hard = (probabilities == probabilities.max(0)).astype(np.float32)
    with caplog.at_level(logging.WARNING):
        assert (G4Seg(parts)(image, hard, CLASSES) == hard).all()
    assert 'must be softened' in caplog.text


def test_images_of_any_shape_and_one_sigmoid_channel(parts):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 255, (23, 41, 3), dtype=np.uint8)
    foreground = rng.random((1, 23, 41)).astype(np.float32)
    for options in (dict(band=WIDE), DESCENT):
        found = G4Seg(parts, **options)(image, foreground, ['cat'])
        assert found.shape == foreground.shape
        assert np.isfinite(found).all()
        assert (found != foreground).any()


def test_it_builds_from_a_config_without_loading_anything():
    config = dict(type='G4Seg', generator='no/such-model', injection=False, features=dict(type='Colors'))
    refiner = REFINERS.build(dict(config))
    assert refiner.injection is None


def test_a_generator_without_clip_says_what_to_do():
    bare = tiny_parts()
    with pytest.raises(ValueError, match='Expected a CLIP beside tiny'):
        G4Seg(bare, band=WIDE)(*example(), CLASSES)


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(update='both'), 'Expected `update` from mix, gradient'),
        (dict(samples=0), 'Expected `samples`'),
        (dict(beta=2), 'Expected `beta`'),
        (dict(gate=-1), 'Expected `gate`'),
        (dict(normalization='none'), 'Expected `normalization`'),
        (dict(update='gradient', injection=False), 'Expected a soft `injection`'),
        (dict(update='gradient', injection=dict(soft=False)), 'Expected a soft `injection`'),
        (dict(update='gradient', null_text={}), 'Expected no `null_text`'),
        (dict(gradient=dict(steps=0)), 'Expected `steps`'),
    ],
)
def test_wrong_settings_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        G4Seg(**options)
