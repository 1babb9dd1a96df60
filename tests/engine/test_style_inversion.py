"""Photographs as latents: where the inversion starts, and settings that do not fit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmseg_gen.engine.style_inversion import PhotoInverter
from mmseg_gen.engine.style_pairs import StyleMixing
from mmseg_gen.engine.style_settings import StyleMixingSettings
from mmseg_gen.errors import UserError
from mmseg_gen.generators.gan_encoding import save_encoder
from mmseg_gen.generators.residual_encoder import EncoderConfig, ResidualEncoder
from tests.engine.square_gan import square_gan
from tests.generators.stylegan2.tiny_stylegan2 import tiny_generator


def test_an_encoder_gives_the_styles_that_the_inversion_starts_from(tmp_path):
    model = tiny_generator(8)
    encoder = ResidualEncoder(EncoderConfig(8, (4, 5), 7, model.config.style_dim))
    torch.nn.init.normal_(encoder.out.weight, std=0.1)
    save_encoder(encoder, tmp_path / 'e.safetensors')
    still = dict(steps=1, learning_rate=1e-12)
    config = dict(still, encoder=str(tmp_path / 'e.safetensors'), encoder_steps=3)
    photo = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    (found,) = PhotoInverter.of(model, config)([photo])
    target = torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 127.5 - 1
    styles = model.mapping.mean_style.repeat(1, 1, 1)
    with torch.no_grad():
        for _ in range(3):
            styles = styles + encoder(target, model.synthesis(styles.repeat(1, model.num_layers, 1)))
    torch.testing.assert_close(found.styles, styles.repeat(1, model.num_layers, 1))
    (mean,) = PhotoInverter.of(model, still)([photo])
    torch.testing.assert_close(mean.styles[0], model.mapping.mean_style.repeat(model.num_layers, 1))
    settings = [StyleMixingSettings(cutoff=1, photos='p', inversion=given) for given in (still, config)]
    prints = [StyleMixing(model, own, ['square']).describe() for own in settings]
    assert prints[0] != prints[1]


@pytest.mark.parametrize(
    ('inversion', 'text'),
    [
        (dict(encoder='none.safetensors'), 'no such file'),
        (dict(encoder='embedded'), 'encoder` of this generator'),
        (dict(steps=0), '`steps`'),
        (dict(spaces='w'), 'spaces'),
    ],
)
def test_wrong_inversions_are_named_before_any_photograph_is_read(inversion, text):
    with pytest.raises(UserError, match=f'synthesis.generator.inversion`.*{text}'):
        PhotoInverter.of(square_gan(), inversion)
