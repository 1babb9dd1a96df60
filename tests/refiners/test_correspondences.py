"""The correspondences that are drawn are those of the refinement, against a loop over pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmseg_gen.functional.mask_injection import InjectionSettings
from mmseg_gen.generators.latents import decode_latents, draw_noise, encode_images
from mmseg_gen.generators.mask_injection import MaskInjection
from mmseg_gen.generators.one_step import regenerate_latents
from mmseg_gen.generators.prompts import class_token_positions
from mmseg_gen.generators.text import encode_prompts
from mmseg_gen.refiners import DenseCRF, G4Seg
from mmseg_gen.refiners.correspondences import find_correspondences
from tests.tiny_models import tiny_parts

# The canvas of the tiny model for images of that shape.
SIZE = (12, 16)
CLASSES = ['background', 'cat', 'dog']


@pytest.fixture(scope='module')
def parts():
    return tiny_parts()


def example():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (*SIZE, 3), dtype=np.uint8)
    logits = rng.normal(size=(3, *SIZE)).astype(np.float32)
    logits[1, 1:6, 2:7] += 2
    logits[2, 6:11, 7:14] += 2
    powers = np.exp(logits)
    return image, (powers / powers.sum(0)).astype(np.float32)


def made_again(parts, image, mask, name):
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 127.5 - 1
    latents, prompt = encode_images(parts, pixels), f'a photo of a {name}'
    size = (latents.shape[2], latents.shape[3])
    positions = [class_token_positions(parts.tokenizer, prompt, name)]
    injection = MaskInjection(
        parts.unet, torch.from_numpy(mask)[None], positions, size, timestep=400, settings=InjectionSettings()
    )
    with torch.no_grad(), injection:
        noise = draw_noise(parts, [0], size)
        made = regenerate_latents(parts, latents, encode_prompts(parts, [prompt]), noise, 400)
    return decode_latents(parts, made)[0].numpy()


def test_points_are_in_doubt_and_match_the_most_similar_pixel(parts):
    image, probabilities = example()
    refiner = G4Seg(parts, grid=max(SIZE), features=dict(type='Colors'), band=dict(max_distance=3))
    refined = refiner(image, probabilities, CLASSES)
    found = find_correspondences(refiner, image, probabilities, refined, CLASSES, points=7)
    assert [f.name for f in found] == ['cat', 'dog']
    labels = probabilities.argmax(0)
    for c, one in enumerate(found, start=1):
        assert (one.before == (labels == c)).all()
        assert (one.after == (refined.argmax(0) == c)).all()
        assert one.generated.shape == (*SIZE, 3)
        assert one.places.shape == one.matches.shape == (7, 2)
        assert len(np.unique(one.places, axis=0)) == 7
        assert ((one.places > 0) & (one.places < 1) & (one.matches > 0) & (one.matches < 1)).all()
        made = made_again(parts, image, probabilities[c], one.name)
        assert np.abs(one.generated / 127.5 - 1 - made.transpose(1, 2, 0).clip(-1, 1)).max() < 0.02
        vectors = [
            np.concatenate([v, np.ones((1, *SIZE))]) for v in (image.transpose(2, 0, 1) / 127.5 - 1, made.clip(-1, 1))
        ]
        original, generated = (v / np.linalg.norm(v, axis=0) for v in vectors)
        for place, match in zip(one.places, one.matches, strict=True):
            y, x = (place * SIZE).astype(int)
            similarity = (generated[:, y, x, None, None] * original).sum(0)
            my, mx = (match * SIZE).astype(int)
            assert similarity[my, mx] > similarity.max() - 1e-3


def test_nothing_is_changed_and_the_same_points_come_again(parts):
    image, probabilities = example()
    refiner = G4Seg(parts, grid=16, features=dict(type='Colors'))
    copies = image.copy(), probabilities.copy()
    first, again = (find_correspondences(refiner, image, probabilities, probabilities, CLASSES) for _ in range(2))
    assert (image == copies[0]).all()
    assert (probabilities == copies[1]).all()
    assert all((a.places == b.places).all() for a, b in zip(first, again, strict=True))


def test_a_scene_without_classes_has_none_and_other_refiners_are_refused(parts):
    image, probabilities = example()
    empty = np.zeros_like(probabilities)
    empty[0] = 1
    assert find_correspondences(G4Seg(parts), image, empty, empty, CLASSES) == []
    for refiner in (DenseCRF(), G4Seg(parts, update='gradient')):
        with pytest.raises(ValueError, match="Expected G4Seg with update='mix'"):
            find_correspondences(refiner, image, probabilities, probabilities, CLASSES)
