"""The diffusion backbone: equals its function, is frozen and weightless, works under any head."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch.nn.functional import interpolate

from mmseg_gen.generators.clip_prior import PHOTO_TEMPLATES, ClipPrior
from mmseg_gen.generators.features import diffusion_features
from mmseg_gen.generators.parts import load_parts
from mmseg_gen.generators.text import encode_prompts
from mmseg_gen.models.backbones import diffusion_backbone
from mmseg_gen.models.backbones.diffusion_backbone import to_generator_range
from mmseg_gen.models.backbones.shared_generator import shared_parts
from mmseg_gen.registry import MODELS
from tests.tiny_models import save_tiny, tiny_parts

pytestmark = pytest.mark.filterwarnings('ignore::UserWarning')
STEPS = 2


@pytest.fixture(scope='module')
def tiny(tmp_path_factory) -> Path:
    return save_tiny(tmp_path_factory.mktemp('tiny'), tiny_parts(clip=True, seed=3))


@pytest.fixture(scope='module')
def images() -> torch.Tensor:
    return torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1


def build(tiny: Path, **settings) -> diffusion_backbone.DiffusionBackbone:
    return MODELS.build({'type': 'DiffusionBackbone', 'generator': str(tiny), 'steps': STEPS, **settings})


def reference(tiny: Path, images: torch.Tensor, prompts: list[str], **settings) -> list[torch.Tensor]:
    parts = load_parts(tiny)
    with torch.no_grad():
        return diffusion_features(parts, images, encode_prompts(parts, prompts), steps=STEPS, **settings)


def assert_same(maps, expected) -> None:
    assert len(maps) == len(expected)
    for got, wanted in zip(maps, expected, strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize('passes', ['invert', 'reverse'])
def test_it_equals_its_function(tiny, images, passes):
    maps = build(tiny, passes=passes, fixed_point=1)(images)
    expected = reference(tiny, images, ['', ''], passes=passes, fixed_point=1, blocks='encoder')
    assert_same(maps, expected)
    assert [tuple(x.shape[1:]) for x in maps] == [(16, 8, 12), (32, 4, 6)]


def test_maps_come_finest_first(tiny, images):
    maps = build(tiny, blocks='all')(images)
    sides = [x.shape[-1] for x in maps]
    assert sides == sorted(sides, reverse=True)
    expected = reference(tiny, images, ['', ''], passes='invert', blocks='all')
    order = sorted(range(len(expected)), key=lambda i: -expected[i].shape[-1])
    assert order != list(range(len(expected)))
    assert_same(maps, [expected[i] for i in order])


@pytest.mark.parametrize('blocks', ['encoder', 'all', [2, 0]])
def test_out_channels_are_those_of_the_maps(tiny, images, blocks):
    backbone = build(tiny, blocks=blocks)
    assert backbone.out_channels == [x.shape[1] for x in backbone(images)]


@pytest.mark.parametrize('classes', [['cat', 'dog', 'apple'], 'voc'])
def test_the_prior_conditions_on_the_class_that_clip_names(tiny, images, classes):
    from mmseg_gen.generators.class_lists import class_list

    parts = load_parts(tiny)
    names = ClipPrior(parts.clip, class_list(classes) if classes == 'voc' else classes, PHOTO_TEMPLATES).classify(
        images
    )
    prompts = [f'a photo of {"an" if name[0] in "aeiou" else "a"} {name}' for name in names]
    expected = reference(tiny, images, prompts, passes='invert', blocks='encoder')
    maps = build(tiny, prior=dict(classes=classes))(images)
    assert_same(maps, expected)
    assert not torch.allclose(maps[0], build(tiny)(images)[0], atol=1e-4)


def test_pixels_reach_the_generator_in_its_own_range():
    rgb = torch.tensor([0.0, 127.5, 255.0]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    normalised = (rgb - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(1, 3, 1, 1)
    got = to_generator_range(normalised, mean, std, 2)
    torch.testing.assert_close(got[0, :, 0, 0], torch.tensor([-1.0, 0.0, 1.0]), atol=1e-6, rtol=0)


def test_sides_off_the_latent_grid_are_resized_not_shifted(tiny):
    ramp = torch.linspace(-1, 1, 15).view(1, 1, 1, 15).expand(1, 3, 13, 15)
    got = to_generator_range(ramp, (127.5,) * 3, (127.5,) * 3, 8)
    assert got.shape == (1, 3, 16, 16)
    torch.testing.assert_close(got, interpolate(ramp, size=(16, 16), mode='bilinear', align_corners=False))
    maps = build(tiny)(torch.rand(1, 3, 17, 9))
    assert [tuple(x.shape[2:]) for x in maps] == [(9, 5), (5, 3)]


def test_images_of_a_batch_do_not_interact(tiny, images):
    backbone = build(tiny)
    assert_same([x[1:] for x in backbone(images)], backbone(images[1:]))


def test_it_is_frozen_weightless_and_always_in_eval(tiny, images):
    backbone = build(tiny)
    maps = backbone.train()(images.clone().requires_grad_())
    assert not backbone.training
    assert not any(x.requires_grad for x in maps)
    assert not list(backbone.parameters())
    assert not backbone.state_dict()
    for model in (backbone.parts().unet, backbone.parts().vae, backbone.parts().text_encoder):
        assert not model.training
        assert not any(p.requires_grad for p in model.parameters())


def test_backbones_share_one_generator_that_is_loaded_at_the_first_call(tiny, images, monkeypatch):
    shared_parts.cache_clear()
    from mmseg_gen.generators import parts

    calls = []
    monkeypatch.setattr(
        parts, 'load_parts', lambda *args, **kwargs: (calls.append(args), load_parts(*args, **kwargs))[1]
    )
    first, second = build(tiny), build(tiny, steps=1)
    assert not calls
    first(images), second(images), first(images)
    assert len(calls) == 1
    assert first.parts() is second.parts()


@pytest.mark.parametrize('cache', [False, True])
def test_copies_give_the_same_maps(tiny, images, cache):
    backbone = build(tiny, cache_features=cache, prior=dict(classes=['cat', 'dog']))
    maps = backbone(images)
    for other in (copy.deepcopy(backbone), pickle.loads(pickle.dumps(backbone))):
        assert all(torch.equal(a, b) for a, b in zip(maps, other(images), strict=True))


def test_cached_features_are_the_same_up_to_half_precision(tiny, images, monkeypatch):
    backbone, plain = build(tiny, cache_features=True), build(tiny)
    first = backbone(images)
    for got, expected in zip(first, plain(images), strict=True):
        assert torch.equal(got, expected.half().float())
    monkeypatch.setattr(backbone, '_features', None)
    assert all(torch.equal(a, b) for a, b in zip(first, backbone(images), strict=True))


def test_input_and_config_stay_as_they_were(tiny, images):
    config = dict(type='DiffusionBackbone', generator=str(tiny), steps=1, prior=dict(classes=['cat']), blocks=[0])
    before, pixels = copy.deepcopy(config), images.clone()
    MODELS.build(config)(pixels)
    assert config == before
    assert torch.equal(pixels, images)


HEADS = {
    'FCNHead': dict(type='FCNHead', in_channels=32, in_index=1, channels=8, num_convs=1, num_classes=2),
    'UPerHead': dict(type='UPerHead', in_channels=[16, 32], in_index=[0, 1], channels=8, num_classes=2),
    'DiffusionFCNHead': dict(type='DiffusionFCNHead', in_channels=[16, 32], widths=(8, 4)),
}


@pytest.mark.parametrize('name', HEADS)
def test_any_head_trains_and_predicts_on_it(tiny, images, name):
    config = dict(
        type='EncoderDecoder',
        data_preprocessor=dict(type='SegDataPreProcessor', size=(16, 24)),
        backbone=dict(type='DiffusionBackbone', generator=str(tiny), steps=1),
        decode_head=dict(norm_cfg=dict(type='BN'), **HEADS[name]),
        train_cfg=dict(),
        test_cfg=ConfigDict(mode='whole'),
    )
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(config).train()
    labels = torch.zeros(1, 16, 24, dtype=torch.long)
    samples = [SegDataSample(gt_sem_seg=PixelData(data=labels)) for _ in images]
    loss = sum(value for key, value in model.loss(images, samples).items() if 'loss' in key)
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())
    assert not any(key.startswith('backbone') for key in model.state_dict())
    for sample in samples:
        sample.set_metainfo(dict(img_shape=(16, 24), ori_shape=(20, 30), pad_shape=(16, 24)))
    predictions = model.eval().predict(images, samples)
    assert predictions[0].pred_sem_seg.data.shape == (1, 20, 30)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(passes='forward'), "`passes` to be one of .*but got 'forward'"),
        (dict(dtype='half'), "`dtype` to be one of .*but got 'half'"),
        (dict(steps=0), '`steps` to be at least 1, but got 0'),
        (dict(prior=dict()), '`prior` with `classes`'),
        (dict(prior=dict(classes=['cat'], words=1)), "but got .*'words'"),
        (dict(prior=dict(classes=['cat'], prompt='a cat')), "`prior\\['prompt'\\]` to hold {}"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build({'type': 'DiffusionBackbone', 'generator': 'tiny', **settings})


def test_a_prior_without_clip_says_what_to_set(tmp_path, images):
    folder = save_tiny(tmp_path, tiny_parts())
    with pytest.raises(ValueError, match=r'`backbone\.clip`'):
        build(folder, prior=dict(classes=['cat']))(images)


def test_grey_batches_are_refused(tiny):
    with pytest.raises(ValueError, match=r'\(B, 3, H, W\), but got \(2, 1, 16, 16\)'):
        build(tiny)(torch.zeros(2, 1, 16, 16))
