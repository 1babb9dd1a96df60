"""The weights that ship with the package."""

from __future__ import annotations

import hashlib

import pytest
import torch

from mmseg_gen.generators.embedded.cats import render_cats
from mmseg_gen.generators.embedded.gan_masks import exact_masks
from mmseg_gen.generators.embedded.gan_quality import drawing_quality, inversion_quality, silhouette_iou
from mmseg_gen.generators.embedded.stylegan import CONFIG, style_factors
from mmseg_gen.generators.gan_encoding import encode_images, load_encoder
from mmseg_gen.generators.sources import EMBEDDED_STYLEGAN2
from mmseg_gen.generators.style_mixing import random_styles
from mmseg_gen.generators.stylegan2 import load_stylegan2, mix_styles


@pytest.fixture(scope='module')
def model():
    return load_stylegan2('embedded')


def test_checksums_are_right_and_files_small():
    lines = (EMBEDDED_STYLEGAN2 / 'SHA256SUMS').read_text().splitlines()
    assert len(lines) == 2
    for line in lines:
        digest, name = line.split('  ')
        content = (EMBEDDED_STYLEGAN2 / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
        assert len(content) < 8_000_000


def test_it_is_the_network_of_the_recipe_frozen(model):
    assert model.config == CONFIG
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    # The factors are uniform on [0, 1]; few of them go beyond.
    factors = style_factors(random_styles(model, 500, seed=1_000_000))
    assert ((factors < -0.1) | (factors > 1.1)).float().mean() < 0.02
    torch.testing.assert_close(factors.mean(), torch.tensor(0.5), atol=0.01, rtol=0)
    torch.testing.assert_close(factors.std(), torch.tensor(12**-0.5), atol=0.02, rtol=0)


@pytest.mark.parametrize('truncation', [1.0, 0.7])
def test_images_are_what_their_styles_stand_for(model, truncation):
    styles = random_styles(model, 16, seed=1_000_000, truncation=truncation)
    assert drawing_quality(model, styles).mean() > 23
    # Another's factors are far away.
    images, others = model.synthesis(styles), render_cats(style_factors(styles.roll(1, 0)))[0]
    assert (images - others).square().mean() > 10 * (images - render_cats(style_factors(styles))[0]).square().mean()


def test_exact_masks_agree_with_the_silhouettes_that_the_network_draws(model):
    styles = random_styles(model, 16, seed=1_000_000)
    assert silhouette_iou(model, styles).mean() > 0.95
    assert silhouette_iou(model, styles).min() > 0.9


def test_colours_of_another_image_leave_the_mask(model):
    content, style = random_styles(model, 2, seed=1_000_000)[:, None]
    mixed = mix_styles(content, style, 7)
    assert torch.equal(exact_masks(mixed), exact_masks(content))
    assert not torch.equal(exact_masks(mixed), exact_masks(style))
    assert drawing_quality(model, mixed).mean() > 23


def test_the_encoder_finds_its_images(model):
    encoder = load_encoder('embedded')
    styles = random_styles(model, 8, seed=1_000_001)
    images = model.synthesis(styles)
    found = encode_images(model, images, encoder, steps=5)
    start = (images - model.synthesis(model.mapping.mean_style.expand(8, CONFIG.num_layers, -1))).square().mean()
    assert (images - model.synthesis(found.styles)).square().mean() < start / 4
    assert inversion_quality(model, images, styles, found)['mask_iou'] > 0.8
