"""The three-layer FCN head: sizes, values, gradients, errors."""

from __future__ import annotations

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, interpolate

from mmseg_gen.models import DiffusionFCNHead
from mmseg_gen.registry import MODELS

pytestmark = pytest.mark.filterwarnings('ignore::UserWarning')
CHANNELS = [6, 6, 10]


@pytest.fixture
def maps() -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(2, 6, 5, 7), torch.randn(2, 6, 5, 7), torch.randn(2, 10, 3, 4)]


def build(**settings) -> DiffusionFCNHead:
    torch.manual_seed(1)
    return MODELS.build(dict(type='DiffusionFCNHead', in_channels=CHANNELS, widths=(8, 4), **settings))


def samples(labels: torch.Tensor) -> list[SegDataSample]:
    return [SegDataSample(gt_sem_seg=PixelData(data=label[None])) for label in labels]


@pytest.mark.parametrize('mode', ['deconv', 'bilinear'])
@pytest.mark.parametrize('upsample', [(1, 1), (2, 1), (2, 2), (3, 2), (4, 4)])
def test_logits_are_finer_by_the_product_of_the_upsampling(maps, upsample, mode):
    logits = build(upsample=upsample, upsample_mode=mode)(maps)
    factor = upsample[0] * upsample[1]
    assert logits.shape == (2, 2, 5 * factor, 7 * factor)


def test_forward_equals_its_layers_written_out(maps):
    head = build(upsample=(2, 1), upsample_mode='bilinear').eval()
    head.norm.running_mean.uniform_(-1, 1)
    head.norm.running_var.uniform_(0.5, 2)
    joined = torch.cat([*maps[:2], interpolate(maps[2], size=(5, 7), mode='bilinear', align_corners=False)], dim=1)
    x = (joined - head.norm.running_mean.view(1, -1, 1, 1)) / (head.norm.running_var.view(1, -1, 1, 1) + 1e-5).sqrt()
    first, second = head.layers[0], head.layers[2]
    x = first.bn(torch.conv2d(x, first.conv.weight, padding=1)).relu()
    x = interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)
    x = second.bn(torch.conv2d(x, second.conv.weight, padding=1)).relu()
    expected = torch.conv2d(x, head.conv_seg.weight, head.conv_seg.bias, padding=1)
    torch.testing.assert_close(head(maps), expected, atol=1e-5, rtol=1e-4)


def test_it_has_three_convolutions():
    convolutions = [m for m in build().modules() if isinstance(m, torch.nn.Conv2d)]
    assert [(c.in_channels, c.out_channels, c.kernel_size) for c in convolutions] == [
        (4, 2, (3, 3)),
        (22, 8, (3, 3)),
        (8, 4, (3, 3)),
    ]


def test_only_chosen_maps_are_read(maps):
    head = MODELS.build(dict(type='DiffusionFCNHead', in_channels=[6, 10], in_index=[0, 2], widths=(8, 4))).eval()
    before = head(maps)
    assert torch.equal(before, head([maps[0], maps[1] + 5, maps[2]]))
    assert not torch.allclose(before, head([maps[0] + 5, maps[1], maps[2]]))


def test_images_of_a_batch_do_not_interact(maps):
    head = build().eval()
    torch.testing.assert_close(head(maps)[1:], head([x[1:] for x in maps]), atol=1e-6, rtol=1e-5)


def test_ignored_pixels_have_no_gradient_and_do_not_dilute_the_mean():
    torch.manual_seed(0)
    head = build()
    logits = torch.randn(2, 2, 8, 8, requires_grad=True)
    labels = torch.randint(0, 2, (2, 8, 8))
    labels[:, :, 4:] = 255
    loss = head.loss_by_feat(logits, samples(labels))['loss_ce']
    loss.backward()
    assert torch.equal(logits.grad[..., 4:], torch.zeros(2, 2, 8, 4))
    assert (logits.grad[..., :4] != 0).all()
    torch.testing.assert_close(loss, cross_entropy(logits, labels, ignore_index=255))


def test_every_parameter_gets_a_gradient(maps):
    head = build(dropout_ratio=0)
    losses = head.loss(maps, samples(torch.randint(0, 2, (2, 20, 28))), train_cfg={})
    losses['loss_ce'].backward()
    assert all(p.grad is not None and bool((p.grad != 0).any()) for p in head.parameters())


def test_one_sigmoid_output_is_trained_with_binary_cross_entropy(maps):
    head = build(out_channels=1)
    assert head.threshold == 0.5
    assert head(maps).shape[1] == 1
    labels = torch.randint(0, 2, (2, 20, 28))
    labels[:, :3] = 255
    logits = torch.randn(2, 1, 20, 28)
    loss = head.loss_by_feat(logits, samples(labels))['loss_ce']
    valid = labels != 255
    expected = binary_cross_entropy_with_logits(logits[:, 0][valid], labels[valid].float())
    torch.testing.assert_close(loss, expected)


def test_loss_is_configurable(maps):
    head = build(loss_decode=[dict(type='CrossEntropyLoss', avg_non_ignore=True), dict(type='DiceLoss')])
    losses = head.loss(maps, samples(torch.randint(0, 2, (2, 20, 28))), train_cfg={})
    assert {'loss_ce', 'loss_dice'} <= set(losses)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(upsample=(2, 0)), r'`upsample` to be two positive integers, but got \(2, 0\)'),
        (dict(upsample=(2,)), '`upsample`'),
        (dict(upsample_mode='nearest'), "`upsample_mode` to be 'deconv' or 'bilinear', but got 'nearest'"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        build(**settings)


def test_wrong_channels_say_what_to_set(maps):
    with pytest.raises(ValueError, match=r'\[6, 6, 10\].*but got \[6, 10, 6\].*decode_head.in_channels'):
        build()([maps[0], maps[2], maps[1]])
    with pytest.raises(ValueError, match='None'):
        build()(maps[:2])


def test_the_config_stays_as_it_was():
    config = dict(type='DiffusionFCNHead', in_channels=[4], norm_cfg=dict(type='BN'), loss_decode=dict(type='DiceLoss'))
    before = {key: value.copy() if hasattr(value, 'copy') else value for key, value in config.items()}
    MODELS.build(config)
    assert config == before
