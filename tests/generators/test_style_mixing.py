from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch

from mmseg_gen.generators.style_mixing import random_styles, style_stack, style_variations, to_pixels
from mmseg_gen.generators.stylegan2 import StyleGan2, StyleGan2Config
from tests.generators.stylegan2.tiny_stylegan2 import tiny_generator


@pytest.fixture(scope='module')
def model():
    return tiny_generator(16)


@pytest.fixture(scope='module')
def content(model):
    return random_styles(model, 1, seed=9)[0]


def test_pixels_follow_nvidias_rule():
    values = torch.tensor([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0]).reshape(1, 1, 1, 7).expand(1, 3, 1, 7)
    expected = [0, 0, 64, 128, 191, 255, 255]
    assert to_pixels(values)[0, 0, :, 0].tolist() == expected


@pytest.mark.parametrize('cutoff', [0, 2, 3, 6])
def test_variations_equal_one_image_at_a_time(model, content, cutoff):
    styles = random_styles(model, 5, seed=4, truncation=0.7)
    found = style_stack(model, content, cutoff=cutoff, count=5, seed=4, batch=2)
    for n in range(5):
        mixed = torch.stack([content[k] if k < cutoff else styles[n, k] for k in range(model.num_layers)])
        expected = to_pixels(model.synthesis(mixed[None]))[0]
        assert np.abs(found.images[n].astype(int) - expected).max() <= 1
    if cutoff == 6:
        assert (found.images == found.images[0]).all()


@pytest.mark.parametrize('batch', [1, 3, 7, 50])
def test_streams_of_any_batch_give_the_same_stack(model, content, batch):
    expected = style_stack(model, content, cutoff=3, count=7, batch=7).images.astype(int)
    batches = list(style_variations(model, content[None], cutoff=3, count=7, batch=batch))
    assert [len(b) for b in batches] == [min(batch, 7 - i) for i in range(0, 7, batch)]
    assert np.abs(np.concatenate(batches).astype(int) - expected).max() <= 1


def test_seed_and_truncation_decide_the_styles(model, content):
    def images(**options):
        return style_stack(model, content, cutoff=2, count=3, **options).images

    assert np.array_equal(images(seed=1), images(seed=1))
    assert not np.array_equal(images(seed=1), images(seed=2))
    # Truncated to the mean, all styles are one.
    assert (images(truncation=0.0) == images(truncation=0.0)[0]).all()


def test_large_images_are_reduced_by_area(model, content):
    whole = style_stack(model, content, cutoff=3, count=2).images
    small = style_stack(model, content, cutoff=3, count=2, max_side=4).images
    assert small.shape == (2, 4, 4, 3)
    raw = model.synthesis(torch.cat([content[None, :3], random_styles(model, 2, truncation=0.7)[:1, 3:]], 1))
    expected = to_pixels(raw.reshape(1, 3, 4, 4, 4, 4).mean((3, 5)))
    assert np.abs(small[0].astype(int) - expected[0]).max() <= 1
    assert whole.shape == (2, 16, 16, 3)


def test_memory_of_the_stream_does_not_grow_with_the_number(model, content):
    def peak(count):
        tracemalloc.start()
        for _ in style_variations(model, content, cutoff=3, count=count, batch=2):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(4)
    # A stack of 60 more images would take 46 kB.
    assert peak(64) < peak(4) + 15_000


def test_clusters_of_a_generator_with_two_regions_are_its_regions():
    # A generator that draws a disc by hand: two channels of the constant say where each region is, and the style gives
    # each channel its colour.
    from mmseg_gen.functional.style_clustering import ClusterSettings, cluster_styles

    torch.manual_seed(0)
    model = StyleGan2(StyleGan2Config(4, (2,), 8, 8, mapping_layers=1)).eval().requires_grad_(False)
    disc = torch.zeros(4, 4)
    disc[1:3, 1:3] = 1
    model.synthesis.constant.copy_(torch.stack([disc, 1 - disc]))
    conv = model.synthesis.convs[0]
    conv.weight.zero_()
    for channel in range(2):
        conv.weight[channel, channel, 1, 1] = 1
    conv.noise_strength.zero_()
    model.mapping.layers[0].weight.mul_(3)
    stack = style_stack(model, random_styles(model, 1)[0], cutoff=1, count=20, truncation=1.0)
    found = cluster_styles(stack.images, ClusterSettings(clusters=2)).labels
    assert np.array_equal(found, disc.numpy().astype(np.uint8))


def test_bad_arguments_are_named_at_once(model, content):
    for cutoff in (-1, 7):
        with pytest.raises(ValueError, match=r'`cutoff` in \[0, 6\], the layers of the generator'):
            style_variations(model, content, cutoff=cutoff)
    for name in ('count', 'batch', 'max_side'):
        with pytest.raises(ValueError, match=f'`{name}`'):
            style_variations(model, content, cutoff=2, **{name: 0})
    with pytest.raises(ValueError, match='`content` of shape'):
        style_variations(model, content[:4], cutoff=2)
