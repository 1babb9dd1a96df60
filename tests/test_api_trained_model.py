"""`segment` with a trained model whose answer can be written down."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from mmseg_gen.api import ModelSegmenter, segment
from mmseg_gen.errors import UserError
from mmseg_gen.registry import MODELS


@MODELS.register_module(name='ApiTestIdentity')
class Identity(nn.Module):
    """A backbone that returns the normalised image."""

    seen: ClassVar[list] = []

    def forward(self, images):
        self.seen.append(tuple(images.shape[2:]))
        return (images,)


CONFIG = """
default_scope = 'mmseg'
data_preprocessor = dict(
    type='SegDataPreProcessor', mean=[0, 0, 0], std=[255, 255, 255], bgr_to_rgb=True, size=(32, 32),
    test_cfg=dict(size_divisor=1))
model = dict(
    type='EncoderDecoder',
    data_preprocessor=data_preprocessor,
    backbone=dict(type='ApiTestIdentity'),
    decode_head=dict(
        type='FCNHead', in_channels=3, channels=3, num_convs=0, concat_input=False, in_index=0,
        num_classes={classes}, out_channels={channels}, threshold={threshold}),
    test_cfg=dict(mode='whole'))
test_pipeline = [
    dict(type='LoadImageFromFile'), {resize} dict(type='LoadBinaryMask'), dict(type='LoadAnnotations'),
    dict(type='PackSegInputs')]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
"""


def write_model(folder, weight, bias, names, resize='', classes=2):
    """Write a config and a checkpoint of a model whose logits are ``weight @ rgb + bias``."""
    channels = len(weight)
    threshold = 0.3 if channels == 1 else None
    text = CONFIG.format(classes=classes, channels=channels, threshold=threshold, resize=resize)
    (folder / 'toy.py').write_text(text)
    state = {
        'decode_head.conv_seg.weight': torch.tensor(weight, dtype=torch.float32)[..., None, None],
        'decode_head.conv_seg.bias': torch.tensor(bias, dtype=torch.float32),
    }
    torch.save({'meta': {'dataset_meta': {'classes': names}}, 'state_dict': state}, folder / 'toy.pth')
    return str(folder / 'toy.py'), str(folder / 'toy.pth')


def reddish(size):
    image = np.zeros((*size, 3), np.uint8)
    red = np.zeros(size, bool)
    red[size[0] // 4 : 3 * size[0] // 4, size[1] // 2 :] = True
    image[~red, 2], image[red, 0] = 200, 200
    return image, red


BINARY = dict(weight=[[0, 0, 9], [9, 0, 0]], bias=[0, 0], names=('background', 'foreground'))


@pytest.mark.parametrize('size', [(32, 32), (64, 96), (300, 400)])
def test_a_trained_model_gives_its_foreground(tmp_path, size):
    config, checkpoint = write_model(tmp_path, **BINARY)
    image, red = reddish(size)
    found = segment(image, 'dog', config, checkpoint=checkpoint, device='cpu')
    assert found.evidence is None
    assert found.mask.shape == found.objectness.shape == size
    assert (found.mask & red).sum() / (found.mask | red).sum() > 0.97
    logit = 9 * 200 / 255
    assert found.objectness[size[0] // 2, -1] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-4)
    assert found.objectness[0, 0] == pytest.approx(1 / (1 + np.exp(logit)), abs=1e-4)


def test_a_large_photo_is_seen_at_the_size_of_the_training(tmp_path):
    image, _ = reddish((300, 400))
    config, checkpoint = write_model(tmp_path, **BINARY)
    Identity.seen.clear()
    segment(image, 'dog', config, checkpoint=checkpoint, device='cpu')
    assert Identity.seen == [(32, 32)]  # 24 x 32 rounds to 32 x 32
    resize = "dict(type='Resize', scale=(48, 20), keep_ratio=False),"
    config, checkpoint = write_model(tmp_path, **BINARY, resize=resize)
    Identity.seen.clear()
    found = segment(image, 'dog', config, checkpoint=checkpoint, device='cpu')
    assert Identity.seen == [(20, 48)]
    assert found.mask.shape == (300, 400)


def test_a_model_of_one_channel_uses_its_threshold(tmp_path):
    config, checkpoint = write_model(tmp_path, [[9, 0, -9]], [-2.0], ('background', 'foreground'))
    image, red = reddish((32, 32))
    image[:4, :4] = 50  # logit -2: probability 0.12, below 0.3
    found = segment(image, 'dog', config, checkpoint=checkpoint, device='cpu')
    assert np.array_equal(found.mask, red)
    assert found.objectness[0, 0] == pytest.approx(1 / (1 + np.exp(2)), abs=1e-4)


def test_a_model_of_many_classes_gives_the_class_asked_for(tmp_path):
    weight = [[0, 0, 0], [9, 0, 0], [0, 0, 9]]
    config, checkpoint = write_model(tmp_path, weight, [1, 0, 0], ('background', 'Red', 'blue'), classes=3)
    image, red = reddish((32, 32))
    image[:4, :4] = 0
    black = (image == 0).all(-1)
    for name, expected in (('red', red), ('blue', ~red & ~black), ('background', black)):
        assert np.array_equal(ModelSegmenter(config, checkpoint, name, device='cpu')(image).mask, expected)
    with pytest.raises(UserError, match=r"class of the model \(background, Red, blue\), but got 'dog'"):
        segment(image, 'dog', config, checkpoint=checkpoint, device='cpu')


def test_errors_of_a_trained_model(tmp_path):
    photo, _ = reddish((40, 30))
    config, checkpoint = write_model(tmp_path, **BINARY)
    with pytest.raises(FileNotFoundError, match='Expected a config file'):
        segment(photo, 'dog', str(tmp_path / 'none.py'), checkpoint=checkpoint)
    (tmp_path / 'empty.py').write_text('x = 1\n')
    with pytest.raises(UserError, match='to have a `model` and a `test_dataloader`'):
        segment(photo, 'dog', str(tmp_path / 'empty.py'), checkpoint=checkpoint)
    torch.save({'state_dict': {}}, tmp_path / 'bare.pth')
    with pytest.raises(UserError, match=r"bare.pth to be a checkpoint of MMEngine, but it lacks 'meta'"):
        segment(photo, 'dog', config, checkpoint=str(tmp_path / 'bare.pth'), device='cpu')
    (tmp_path / 'wrong.py').write_text((tmp_path / 'toy.py').read_text().replace('ApiTestIdentity', 'NoSuchNet'))
    with pytest.raises(UserError, match='NoSuchNet is not in the'):
        segment(photo, 'dog', str(tmp_path / 'wrong.py'), checkpoint=checkpoint, device='cpu')


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    photo, _ = reddish((32, 32))
    for folder in ('two', 'three'):
        (tmp_path / folder).mkdir()
    config, _ = write_model(tmp_path / 'two', **BINARY)
    _, other = write_model(tmp_path / 'three', [[0, 0, 0]] * 3, [1, 0, 0], ('background', 'red', 'blue'), classes=3)
    with pytest.raises(UserError, match=r'toy\.pth to fit its config, but got 2 of another shape .*bias: \(3,\)'):
        segment(photo, 'dog', config, checkpoint=other, device='cpu')
    torch.save({'meta': {'dataset_meta': {'classes': BINARY['names']}}, 'state_dict': {}}, tmp_path / 'empty.pth')
    with pytest.raises(UserError, match=r'2 missing \(decode_head\.conv_seg\.bias'):
        segment(photo, 'dog', config, checkpoint=str(tmp_path / 'empty.pth'), device='cpu')
