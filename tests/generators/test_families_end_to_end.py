"""Every path of the package with SDXL, SSD-1B and LCM, and with a single file: segment, synthesize, backbone."""

import numpy as np
import pytest
import torch

from mmseg_gen.api import segment
from mmseg_gen.engine.pair_generator import DiffusionPairGenerator
from mmseg_gen.engine.planning import Sample
from mmseg_gen.errors import UserError
from mmseg_gen.generators.features import block_channels, diffusion_features
from mmseg_gen.generators.latents import decode_latents
from mmseg_gen.generators.parts import load_parts
from mmseg_gen.generators.sampling import sample_latents
from mmseg_gen.generators.text import encode_prompts
from mmseg_gen.models.backbones.diffusion_backbone import DiffusionBackbone, finest_first
from tests.generators.test_single_file import write_single
from tests.tiny_models import TOKEN_LIMIT, save_tiny, tiny_family

SAMPLES = [Sample(0, 'cat', 'a photo of a cat', 5), Sample(1, 'potted plant', 'a red potted plant', 6)]


@pytest.fixture(scope='module', params=['sdxl', 'ssd_1b', 'single file of sdxl'])
def place(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp('place')
    if request.param.startswith('single'):
        return write_single(folder, 'sdxl')
    return save_tiny(folder / 'pipeline', tiny_family(request.param))


@pytest.fixture(scope='module')
def lcm(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp('lcm') / 'pipeline', tiny_family('lcm'))


def test_a_photograph_is_segmented(place):
    photo = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    found = segment(photo, 'potted plant', generator=load_parts(place), steps=2)
    assert found.mask.shape == (24, 40)
    assert found.mask.dtype == bool
    assert np.isfinite(found.objectness).all()


def test_pairs_are_generated(place):
    parts = load_parts(place)
    generator = DiffusionPairGenerator(parts, size=(16, 24), steps=2, guidance=5.0)
    pairs = generator.generate(SAMPLES)
    noise = generator._noise(SAMPLES)
    context, empty = encode_prompts(parts, [s.prompt for s in SAMPLES]), encode_prompts(parts, [''])
    expected = decode_latents(parts, sample_latents(parts, context, empty, noise, steps=2, guidance=5.0))
    for pair, image in zip(pairs, expected, strict=True):
        levels = ((image + 1) * 127.5).round().permute(1, 2, 0).numpy()
        assert np.abs(pair.image - levels).max() <= 1
        assert pair.evidence.cross.shape[-2:] == (8, 12)


def test_a_backbone_gives_its_features(place):
    backbone = DiffusionBackbone(str(place), steps=2, blocks='all')
    images = torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1
    maps, parts = backbone(images), load_parts(place)
    order = finest_first(parts.unet, 'all')
    assert [m.shape[1] for m in maps] == [block_channels(parts.unet)[i] for i in order] == backbone.out_channels
    assert [tuple(m.shape[2:]) for m in maps] == sorted((tuple(m.shape[2:]) for m in maps), reverse=True)
    expected = diffusion_features(parts, images, encode_prompts(parts, ['', '']), steps=2)
    for own, i in zip(maps, order, strict=True):
        torch.testing.assert_close(own, expected[i], atol=1e-4, rtol=1e-4)


def test_two_text_encoders_tell_models_apart():
    first, other = tiny_family('sdxl'), tiny_family('sdxl')
    names = [DiffusionPairGenerator(p, size=(16, 16)).describe() for p in (first, other)]
    assert names[0] == names[1]
    with torch.no_grad():
        next(other.text_encoder_2.parameters()).add_(1)
    assert DiffusionPairGenerator(other, size=(16, 16)).describe() != names[0]


def test_a_consistency_model_generates_pairs_and_inverts_no_photographs(lcm):
    parts = load_parts(lcm)
    pairs = DiffusionPairGenerator(parts, size=(16, 24), steps=2, guidance=8.5).generate(SAMPLES)
    assert [p.image.shape for p in pairs] == [(16, 24, 3)] * 2
    alone = DiffusionPairGenerator(parts, size=(16, 24), steps=2, guidance=8.5).generate(SAMPLES[1:])
    assert np.abs(alone[0].image.astype(int) - pairs[1].image).max() <= 1
    photo = np.zeros((16, 24, 3), np.uint8)
    with pytest.raises(ValueError, match='cannot be inverted'):
        segment(photo, 'cat', generator=parts, steps=2)
    with pytest.raises(ValueError, match='cannot be inverted'):
        DiffusionBackbone(str(lcm), steps=2)(torch.zeros(1, 3, 16, 16))


def test_a_class_that_is_cut_off_is_named_before_anything_is_sampled(place):
    late = 'a dog and ' * TOKEN_LIMIT + 'a cat'
    generator = DiffusionPairGenerator(load_parts(place), size=(16, 16), steps=2)
    with pytest.raises(UserError, match=r"'cat' among the first 14 tokens .* cut off"):
        generator.generate([Sample(0, 'cat', late, 1)])
