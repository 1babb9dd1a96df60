"""A StyleGAN2 of 8 pixels whose images are a square on a ground, each of one colour that its styles decide."""

from __future__ import annotations

import torch

from mmseg_gen.generators.stylegan2 import StyleGan2, StyleGan2Config

SIDE, LAYERS, CUTOFF = 8, 4, 2


def square_gan() -> StyleGan2:
    """Return a generator whose first channel is 1 on the middle 4 x 4 pixels and whose second is 1 elsewhere."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = StyleGan2(StyleGan2Config(SIDE, (2, 2), 8, 8, mapping_layers=1)).eval().requires_grad_(False)
    disc = torch.zeros(4, 4)
    disc[1:3, 1:3] = 1
    model.synthesis.constant.copy_(torch.stack([disc, 1 - disc]))
    for conv in model.synthesis.convs:
        # Styles colour the two regions and leave their shape alone.
        conv.style.weight.zero_()
        conv.weight.zero_()
        for channel in range(2):
            conv.weight[channel, channel, 1, 1] = 1
        conv.noise_strength.zero_()
    model.mapping.layers[0].weight.mul_(3)
    # Only the last layer draws, and its colours stay inside the range.
    model.synthesis.to_rgbs[0].weight.zero_()
    model.synthesis.to_rgbs[1].weight.mul_(0.3)
    return model
