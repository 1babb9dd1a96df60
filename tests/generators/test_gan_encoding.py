from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file

from mmseg_gen.errors import UserError
from mmseg_gen.functional.inversion_loss import pixel_loss
from mmseg_gen.generators.gan_encoding import encode_images, load_encoder, save_encoder
from mmseg_gen.generators.residual_encoder import EncoderConfig, ResidualEncoder, refine_styles
from tests.generators.stylegan2.tiny_stylegan2 import tiny_generator

CONFIG = EncoderConfig(resolution=8, channels=(4, 5), hidden=7, style_dim=6)


def tiny_encoder(styles: int = 1) -> ResidualEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = ResidualEncoder(EncoderConfig(8, (4, 5), 7, 6, styles))
        torch.nn.init.normal_(encoder.out.weight, std=0.1)
    return encoder.eval().requires_grad_(False)


@pytest.fixture(scope='module')
def model():
    return tiny_generator(8)


@pytest.fixture(scope='module')
def images(model):
    return model.synthesis(torch.randn(2, model.num_layers, 6, generator=torch.Generator().manual_seed(1)))


@pytest.mark.parametrize('styles', [1, 4])
def test_encoding_equals_a_loop_of_corrections(model, images, styles):
    encoder = tiny_encoder(styles)
    found = encode_images(model, images, encoder, steps=3)
    for n in range(2):
        image = images[n : n + 1]
        w = model.mapping.mean_style.repeat(1, styles, 1)
        for step in range(3):
            drawn = model.synthesis(w if styles == 4 else w.repeat(1, 4, 1))
            torch.testing.assert_close(found.losses[step, n], pixel_loss(drawn, image, 4)[0])
            w = w + encoder(image, drawn)
        torch.testing.assert_close(found.styles[n], (w if styles == 4 else w.repeat(1, 4, 1))[0])
    assert [tuple(noise.shape) for noise in found.noise] == [(2, 1, 4, 4), (2, 1, 8, 8), (2, 1, 8, 8)]


def test_an_untrained_encoder_stays_at_the_mean_style(model, images):
    found = encode_images(model, images, ResidualEncoder(CONFIG), steps=2)
    assert torch.equal(found.styles, model.mapping.mean_style.expand(2, 4, -1))


def test_each_step_has_its_own_gradient(images):
    encoder = ResidualEncoder(CONFIG)
    torch.nn.init.normal_(encoder.out.weight, std=0.1)

    def draw(styles):
        assert not torch.is_grad_enabled()
        return styles.sum((1, 2))[:, None, None, None].expand(-1, 3, 8, 8)

    found = refine_styles(encoder, draw, torch.zeros(1, 6), images, 2)
    last = torch.autograd.grad(found[1].sum(), encoder.out.weight)[0]
    alone = found[0].detach() + encoder(images, draw_of(found[0].detach()))
    torch.testing.assert_close(last, torch.autograd.grad(alone.sum(), encoder.out.weight)[0])


def draw_of(styles):
    return styles.sum((1, 2))[:, None, None, None].expand(-1, 3, 8, 8)


def test_encoders_read_back_frozen(tmp_path):
    encoder = tiny_encoder(4)
    save_encoder(encoder, tmp_path / 'e.safetensors')
    found = load_encoder(tmp_path / 'e.safetensors')
    assert found.config == encoder.config
    assert not found.training
    for key, value in found.state_dict().items():
        assert torch.equal(value, encoder.state_dict()[key])
    assert not any(p.requires_grad for p in found.parameters())


def test_other_files_are_refused(tmp_path):
    path = tmp_path / 'e.safetensors'
    with pytest.raises(FileNotFoundError, match='no such file'):
        load_encoder(path)
    path.write_bytes(b'\x80\x04cposix\nsystem\n.')
    with pytest.raises(UserError, match='damaged file or one of another kind'):
        load_encoder(path)
    save_encoder(tiny_encoder(), path)
    weights = load_file(path)
    save_file(weights, path)
    with pytest.raises(UserError, match='sizes in the metadata'):
        load_encoder(path)
    save_encoder(tiny_encoder(), path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(UserError, match='damaged'):
        load_encoder(path)
    wrong = ResidualEncoder(CONFIG)
    wrong.out = torch.nn.Linear(7, 12)
    save_encoder(wrong, path)
    with pytest.raises(UserError, match='of another shape'):
        load_encoder(path)


def test_wrong_arguments_are_refused(model, images):
    encoder = tiny_encoder()
    with pytest.raises(ValueError, match='`steps`'):
        encode_images(model, images, encoder, steps=0)
    with pytest.raises(ValueError, match=r'shape \(N, 3, 8, 8\)'):
        encode_images(model, images[:, :, :4], encoder)
    with pytest.raises(ValueError, match='finite'):
        encode_images(model, images / 0, encoder)
    with pytest.raises(ValueError, match='encoder` of this generator'):
        encode_images(tiny_generator(16), images, encoder)
    with pytest.raises(ValueError, match='can be halved'):
        EncoderConfig(8, (2, 2, 2, 2), 4, 4)
    with pytest.raises(ValueError, match='`hidden`'):
        EncoderConfig(8, (2,), 0, 4)
