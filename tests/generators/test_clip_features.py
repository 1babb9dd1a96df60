from __future__ import annotations

import torch

from mmseg_gen.generators.clip_features import clip_features
from mmseg_gen.generators.clip_prior import DEVIATION, MEAN
from mmseg_gen.generators.gan_inversion import InversionSettings, invert_images
from mmseg_gen.generators.parts import load_parts
from tests.generators.stylegan2.tiny_stylegan2 import tiny_generator


def test_features_are_the_patches_of_each_layer():
    clip = load_parts('embedded').clip
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = clip_features(clip)(images)
    pixels = torch.stack([((images[:, c] + 1) / 2 - MEAN[c]) / DEVIATION[c] for c in range(3)], 1)
    captured = []
    layers = clip.model.vision_model.encoder.layers
    hooks = [layer.register_forward_hook(lambda *args: captured.append(args[2])) for layer in layers]
    with torch.no_grad():
        clip.model.vision_model(pixel_values=pixels.to(clip.model.dtype))
    for hook in hooks:
        hook.remove()
    assert len(found) == len(captured) == 4
    for own, layer in zip(found, captured, strict=True):
        hidden = layer[0] if isinstance(layer, tuple) else layer
        assert own.shape == (2, 96, 64, 1)
        torch.testing.assert_close(own[..., 0], hidden[:, 1:].transpose(1, 2).float(), atol=1e-4, rtol=1e-4)


def test_they_serve_an_inversion():
    model = tiny_generator(8)
    targets = model.synthesis(torch.randn(1, model.num_layers, 6, generator=torch.Generator().manual_seed(1)))
    features = clip_features(load_parts('embedded').clip)
    found = invert_images(model, targets, InversionSettings(steps=3), features=features)
    assert torch.isfinite(found.styles).all()
