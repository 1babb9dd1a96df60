import numpy as np
import pytest
import torch

from mmseg_gen.generators.latents import decode_latents, draw_noise, encode_images, image_tensor
from tests.tiny_models import tiny_parts


@pytest.fixture(scope='module')
def parts():
    return tiny_parts()


def test_encoding_is_the_scaled_mode(parts):
    images = torch.rand(2, 3, 12, 20) * 2 - 1
    before = images.clone()
    moments = parts.vae.quant_conv(parts.vae.encoder(images))
    found = encode_images(parts, images)
    torch.testing.assert_close(found, moments[:, :4] * 0.18215)
    assert found.shape == (2, 4, 6, 10)
    torch.testing.assert_close(images, before, atol=0, rtol=0)


def test_decoding_undoes_the_scale_and_clips(parts):
    latents = torch.randn(2, 4, 6, 10)
    expected = parts.vae.decoder(parts.vae.post_quant_conv(latents / 0.18215)).clamp(-1, 1)
    torch.testing.assert_close(decode_latents(parts, latents), expected)
    assert decode_latents(parts, latents * 1e4).abs().max() <= 1


@pytest.mark.parametrize('shape', [(2, 1, 16, 16), (3, 16, 16), (1, 3, 15, 16), (1, 3, 16, 1), (0, 3, 16, 16)])
def test_wrong_images_are_refused(parts, shape):
    with pytest.raises(ValueError, match='Expected'):
        encode_images(parts, torch.zeros(shape))


def test_noise_is_a_function_of_the_seed_alone(parts):
    together = draw_noise(parts, [5, 6, 7])
    assert together.shape == (3, 4, 8, 8)
    torch.testing.assert_close(together[1:2], draw_noise(parts, [6]), atol=0, rtol=0)
    torch.testing.assert_close(
        together[0], torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(5)), atol=0, rtol=0
    )
    assert draw_noise(parts, [5], (3, 9)).shape == (1, 4, 3, 9)


def test_pixels_become_a_batch_from_minus_1_to_1():
    images = [np.random.default_rng(i).integers(0, 256, (3, 5, 3), dtype=np.uint8) for i in range(2)]
    images[0][0, 0] = (0, 255, 51)
    found = image_tensor(images)
    assert found.dtype == torch.float32
    assert found[0, :, 0, 0].tolist() == pytest.approx([-1, 1, -0.6])
    for n, y, x, c in np.ndindex(2, 3, 5, 3):
        assert found[n, c, y, x].item() == pytest.approx(2 * int(images[n][y, x, c]) / 255 - 1, abs=1e-6)
