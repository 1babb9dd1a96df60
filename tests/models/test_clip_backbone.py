"""CLIP's image tower as a backbone."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

from mmseg_gen.generators.clip_layers import clip_layer_maps
from mmseg_gen.generators.clip_prior import DEVIATION, MEAN
from mmseg_gen.models import ClipBackbone
from mmseg_gen.models.backbones.shared_generator import shared_parts
from mmseg_gen.registry import MODELS


@pytest.fixture
def clip(embedded_weights):
    return shared_parts('embedded', None, None, 'cpu', 'float32').clip


@torch.no_grad()
def test_maps_are_the_towers_own_states_laid_out_in_rows(clip):
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    seen = []
    handle = clip.model.vision_model.encoder.layers[1].register_forward_hook(
        lambda module, inputs, output: seen.append(output[0] if isinstance(output, tuple) else output)
    )
    pixels = np.stack([((images.numpy()[:, c] + 1) / 2 - MEAN[c]) / DEVIATION[c] for c in range(3)], 1)
    clip.model.vision_model(pixel_values=torch.from_numpy(pixels).float())
    handle.remove()
    (found,) = clip_layer_maps(clip, images, [2])
    for y in range(8):
        for x in range(8):
            torch.testing.assert_close(found[:, :, y, x], seen[0][:, 1 + 8 * y + x], atol=1e-4, rtol=1e-4)


def test_the_backbone_equals_its_function_and_takes_any_size(clip):
    backbone = MODELS.build(dict(type='ClipBackbone', layers=[0, -1]))
    images = torch.randn(2, 3, 64, 64).clamp(-1, 1)
    for found, expected in zip(backbone(images), clip_layer_maps(clip, images, [0, -1]), strict=True):
        torch.testing.assert_close(found, expected)
    assert [tuple(x.shape) for x in backbone(torch.zeros(1, 3, 50, 70))] == [(1, 96, 7, 9)] * 2


def test_nothing_of_it_is_trained_or_stored(clip):
    backbone = ClipBackbone()
    assert not list(backbone.parameters())
    assert not backbone.state_dict()
    assert not backbone.train().training
    twins = copy.deepcopy(backbone), pickle.loads(pickle.dumps(backbone))
    images = torch.zeros(1, 3, 64, 64)
    for twin in twins:
        torch.testing.assert_close(twin(images)[0], backbone(images)[0])


def test_bad_layers_and_sizes_are_refused(clip):
    with pytest.raises(ValueError, match='`layers` from 0 to 4'):
        clip_layer_maps(clip, torch.zeros(1, 3, 64, 64), [5])
    with pytest.raises(ValueError, match='divisible by 8'):
        clip_layer_maps(clip, torch.zeros(1, 3, 60, 64), [1])
