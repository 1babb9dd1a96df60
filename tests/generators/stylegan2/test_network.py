from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from mmseg_gen.generators.stylegan2 import StyleGan2, StyleGan2Config, default_channels, mix_styles
from tests.generators.stylegan2.tiny_stylegan2 import tiny_generator
from tests.references import stylegan2 as reference


def arrays(model):
    return {key: value.double().numpy() for key, value in model.state_dict().items()}


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_mapping_equals_loops():
    model, z = tiny_generator(), draw(3, 6)
    expected = reference.mapping(z.double().numpy(), arrays(model), 2, 0.01)
    np.testing.assert_allclose(model.mapping(z), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('resolution', [4, 8, 16])
@pytest.mark.parametrize('noise', ['const', 'none'])
@pytest.mark.parametrize('clamp', [None, 0.8])
def test_images_equal_the_slow_generator(resolution, noise, clamp):
    model = tiny_generator(resolution, clamp=clamp)
    styles = draw(2, model.num_layers, 6, seed=1)
    found = model.synthesis(styles, noise=noise)
    expected = reference.synthesis(
        styles.double().numpy(), arrays(model), len(model.config.channels), noise=noise == 'const', clamp=clamp
    )
    assert found.shape == (2, 3, resolution, resolution)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_truncation_moves_the_first_layers_towards_the_mean():
    model, z = tiny_generator(), draw(2, 6)
    w, mean = model.mapping(z), model.mapping.mean_style
    styles = model.styles(z, truncation=0.3, layers=2)
    for layer in range(model.num_layers):
        expected = mean + 0.3 * (w - mean) if layer < 2 else w
        torch.testing.assert_close(styles[:, layer], expected)
    torch.testing.assert_close(model.styles(z, truncation=0.0), mean.expand(2, model.num_layers, -1))
    torch.testing.assert_close(model(z), model.synthesis(model.styles(z)))


def test_each_style_changes_the_image():
    model = tiny_generator()
    styles = draw(1, model.num_layers, 6)
    before = model.synthesis(styles)
    for layer in range(model.num_layers):
        changed = styles.clone()
        changed[:, layer] += 1
        assert not torch.allclose(model.synthesis(changed), before), layer


@pytest.mark.parametrize('cutoff', range(7))
def test_resuming_from_a_shared_state_gives_the_same_images(cutoff):
    model = tiny_generator()
    content, style = draw(1, model.num_layers, 6), draw(3, model.num_layers, 6, seed=2)
    mixed = mix_styles(content, style, cutoff)
    shared = model.synthesis.resume(model.synthesis.start(1), content, 0, cutoff)
    spread = tuple(None if part is None else part.expand(3, -1, -1, -1) for part in shared)
    found = model.synthesis.resume(spread, mixed, cutoff, model.num_layers)[1]
    torch.testing.assert_close(found, model.synthesis(mixed))


def test_mixing_takes_the_content_before_the_cutoff():
    content, style = draw(1, 6, 4), draw(2, 6, 4, seed=1)
    mixed = mix_styles(content, style, 2)
    assert torch.equal(mixed[:, :2], content[:, :2].expand(2, -1, -1))
    assert torch.equal(mixed[:, 2:], style[:, 2:])
    for cutoff in (-1, 7):
        with pytest.raises(ValueError, match=r'`cutoff` in \[0, 6\]'):
            mix_styles(content, style, cutoff)


def test_random_noise_follows_its_generator():
    model = tiny_generator()
    styles = draw(1, model.num_layers, 6)
    images = [model.synthesis(styles, 'random', torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(images[0], images[1])
    assert not torch.allclose(images[0], images[2])
    assert not torch.allclose(images[0], model.synthesis(styles, 'none'))


def test_noise_maps_take_the_place_of_the_stored_noise():
    model = tiny_generator(8)
    styles = draw(2, model.num_layers, 6)
    stored = [conv.noise[None, None] for conv in model.synthesis.convs]
    torch.testing.assert_close(model.synthesis(styles, stored), model.synthesis(styles))
    own = [torch.cat([noise, 0 * noise]) for noise in stored]
    images = model.synthesis(styles, own)
    torch.testing.assert_close(images[:1], model.synthesis(styles[:1]))
    torch.testing.assert_close(images[1:], model.synthesis(styles[1:], 'none'))
    with pytest.raises(ValueError, match='or 3 maps, but got 2'):
        model.synthesis(styles, stored[:2])


def test_mean_style_is_the_mean_of_many():
    model = tiny_generator()
    expected = model.mapping(draw(10000, 6, seed=5)).mean(0)
    torch.testing.assert_close(model.estimate_mean_style(10000, seed=5), expected)


def test_sizes_of_the_public_configuration():
    assert default_channels(1024) == (512, 512, 512, 512, 512, 256, 128, 64, 32)
    config = StyleGan2Config(1024, default_channels(1024))
    assert config.num_layers == 18
    with torch.device('meta'):
        model = StyleGan2(config)
    count = sum(p.numel() for n, p in model.named_parameters() if n.startswith('synthesis') and 'style' not in n)
    # Convolutions, biases, noise strengths, constant and ToRGB of configuration F, by hand.
    sides = default_channels(1024)
    convs = [(sides[0], sides[0])] + [pair for a, b in pairwise(sides) for pair in ((a, b), (b, b))]
    assert count == sum(9 * a * b + b + 1 for a, b in convs) + 16 * 512 + sum(3 * c + 3 for c in sides)
    assert StyleGan2Config.from_dict(config.to_dict()) == config


@pytest.mark.parametrize('resolution', [0, 2, 3, 48, 100, 64.0, True])
def test_resolutions_that_are_no_power_of_two_are_refused(resolution):
    with pytest.raises(ValueError, match='power of two'):
        StyleGan2Config(resolution, (4,))
    with pytest.raises(ValueError, match='power of two'):
        default_channels(resolution)


@pytest.mark.parametrize(
    ('fields', 'match'),
    [
        ({'channels': (4,)}, '`channels` with 2 numbers'),
        ({'channels': (4, 0)}, '`channels`'),
        ({'mapping_layers': 0}, '`mapping_layers`'),
        ({'mapping_rate': 0.0}, '`mapping_rate`'),
        ({'clamp': -1.0}, '`clamp`'),
    ],
)
def test_other_bad_sizes_are_refused(fields, match):
    with pytest.raises(ValueError, match=match):
        StyleGan2Config(**{'resolution': 8, 'channels': (4, 4)} | fields)


def test_errors_name_the_argument():
    model = tiny_generator(8)
    with pytest.raises(ValueError, match='`z` of shape'):
        model(torch.zeros(2, 5))
    with pytest.raises(ValueError, match='`styles` of shape'):
        model.synthesis(torch.zeros(1, 3, 6))
    with pytest.raises(ValueError, match='`noise` from const, random, none'):
        model.synthesis(torch.zeros(1, 4, 6), noise='fixed')
    with pytest.raises(ValueError, match='`layers` in'):
        model.styles(torch.zeros(1, 6), 0.5, layers=5)
