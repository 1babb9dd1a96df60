"""The frozen backbone under MMSeg's own heads, as the shipped configs join them: a training step and a prediction."""

from __future__ import annotations

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

import mmseg_gen.components  # noqa: F401
from mmseg_gen.registry import MODELS

EMBEDDED = ['uper', 'segformer', 'fpn']


def sample_of(shape, seed):
    sample = SegDataSample(metainfo=dict(img_shape=shape, ori_shape=shape, pad_shape=shape))
    labels = torch.randint(0, 2, (1, *shape), generator=torch.Generator().manual_seed(seed))
    labels[0, :2] = 255
    sample.gt_sem_seg = PixelData(data=labels)
    return sample


@pytest.fixture(params=EMBEDDED)
def model(request, repository, embedded_weights):
    settings = Config.fromfile(repository / f'configs/embedded_diffusionseg_{request.param}.py').model
    settings.backbone.update(steps=1, prior=None, cache_features=False)
    with DefaultScope.overwrite_default_scope('mmseg'):
        torch.manual_seed(0)
        return MODELS.build(settings)


def test_a_step_of_training_moves_the_head_and_nothing_else(model):
    model.train()
    parts = model.backbone.parts()
    before = [p.clone() for p in parts.unet.parameters()]
    head = {name: p.clone() for name, p in model.named_parameters()}
    assert not [name for name in head if name.startswith('backbone')]
    images = [torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8) for _ in range(2)]
    data = model.data_preprocessor(dict(inputs=images, data_samples=[sample_of((64, 64), i) for i in range(2)]), True)
    losses = model.loss(data['inputs'], data['data_samples'])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses['decode.loss_ce'].backward()
    unused = [name for name, p in model.named_parameters() if p.grad is None]
    # MMSeg's FPN makes a convolution for each output; all levels are used here.
    assert not unused
    optimizer.step()
    assert any(not torch.equal(p, head[name]) for name, p in model.named_parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, parts.unet.parameters(), strict=True))


@pytest.mark.parametrize('shape', [(64, 64), (48, 80), (50, 70)])
def test_predictions_have_the_size_of_the_image(model, shape):
    model.eval()
    image = torch.randint(0, 256, (3, *shape), dtype=torch.uint8)
    data = model.data_preprocessor(dict(inputs=[image], data_samples=[sample_of(shape, 0)]), False)
    with torch.no_grad():
        found = model.predict(data['inputs'], data['data_samples'])[0]
    assert tuple(found.pred_sem_seg.data.shape[-2:]) == shape
    assert tuple(found.seg_logits.data.shape) == (2, *shape)


@pytest.mark.parametrize('kind', EMBEDDED)
def test_the_channels_of_the_config_are_those_of_the_generator(kind, repository, embedded_weights):
    cfg = Config.fromfile(repository / f'configs/embedded_diffusionseg_{kind}.py').model
    with DefaultScope.overwrite_default_scope('mmseg'):
        channels = MODELS.build(cfg.backbone).out_channels
    if 'neck' in cfg:
        assert list(cfg.neck.in_channels) == channels
    else:
        assert list(cfg.decode_head.in_channels) == [channels[i] for i in cfg.decode_head.in_index]
