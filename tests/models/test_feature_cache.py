"""The memory of feature maps: hits only for the same content, bounded, invisible in the values."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

from mmseg_gen.models.backbones import feature_cache
from mmseg_gen.models.backbones.feature_cache import FeatureCache


class Recorder:
    """Two maps that depend on the image, and a count of the images computed."""

    def __init__(self) -> None:
        self.images = 0

    def __call__(self, images: torch.Tensor) -> list[torch.Tensor]:
        self.images += len(images)
        return [images[:, :, ::2, ::2] * 1.001, images.mean(dim=(2, 3), keepdim=True)]


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def test_a_seen_image_is_not_computed_again_and_gives_the_same_bits(images):
    compute, cache = Recorder(), FeatureCache(max_mb=1)
    first = cache.fetch(images, compute)
    second = cache.fetch(images.flip(0), compute)
    assert compute.images == 3
    assert all(torch.equal(a, b.flip(0)) for a, b in zip(first, second, strict=True))


def test_values_are_those_of_the_function_in_half_precision(images):
    compute = Recorder()
    for got, expected in zip(FeatureCache(1).fetch(images, compute), compute(images), strict=True):
        assert got.dtype == torch.float32
        assert torch.equal(got, expected.half().float())


def test_only_unseen_images_of_a_batch_are_computed(images):
    compute, cache = Recorder(), FeatureCache(1)
    cache.fetch(images[:2], compute)
    cache.fetch(images, compute)
    assert compute.images == 3


def test_one_changed_pixel_is_another_image(images):
    compute, cache = Recorder(), FeatureCache(1)
    cache.fetch(images[:1], compute)
    changed = images[:1].clone()
    changed[0, 0, 0, 0] += 1e-3
    cache.fetch(changed, compute)
    assert compute.images == 2


def test_same_bytes_of_another_shape_are_another_image(images):
    compute, cache = Recorder(), FeatureCache(1)
    cache.fetch(images[:1], compute)
    cache.fetch(images[:1].reshape(1, 3, 4, 16), compute)
    assert compute.images == 2


def test_the_limit_holds_and_what_is_in_stays_in(images):
    bytes_of_one = 2 * (3 * 4 * 4 + 3)
    compute, cache = Recorder(), FeatureCache(max_mb=2.5 * bytes_of_one / 2**20)
    full = cache.fetch(images, compute)
    assert len(cache) == 2
    assert cache.num_bytes == 2 * bytes_of_one
    again = cache.fetch(images, compute)
    assert compute.images == 4
    assert all(torch.equal(a, b) for a, b in zip(full, again, strict=True))


@pytest.mark.parametrize('setting', ['backbone.max_cache_mb', 'model.latent_cache_mb'])
def test_a_full_cache_names_its_own_setting_once(images, setting, monkeypatch):
    said = []
    monkeypatch.setattr(feature_cache, 'print_log', lambda text, *_: said.append(text))
    cache = copy.deepcopy(FeatureCache(1 / 2**20, setting))
    cache.fetch(images, Recorder())
    cache.fetch(images, Recorder())
    assert len(said) == 1
    assert f'raise `{setting}`' in said[0]
    with pytest.raises(ValueError, match=f'`{setting}` to be more than 0'):
        FeatureCache(0, setting)


def test_values_beyond_half_precision_stay_finite(images):
    (got,) = FeatureCache(1).fetch(images[:1], lambda x: [x * 1e6])
    assert torch.equal(got, images[:1] * 1e6)


def test_copies_start_empty_with_the_same_limit(images):
    cache = FeatureCache(3)
    cache.fetch(images, Recorder())
    for other in (copy.deepcopy(cache), pickle.loads(pickle.dumps(cache))):
        assert len(other) == 0
        assert other.max_bytes == cache.max_bytes
    assert len(cache) == 3
