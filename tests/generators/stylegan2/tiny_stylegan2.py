"""Small random generators whose every weight matters."""

from __future__ import annotations

import torch

from mmseg_gen.generators.stylegan2 import StyleGan2, StyleGan2Config


def tiny_generator(resolution: int = 16, seed: int = 0, clamp: float | None = None, dim: int = 6) -> StyleGan2:
    """Return a random generator in eval mode, biases, noise strengths and mean style not at zero."""
    levels = resolution.bit_length() - 2
    config = StyleGan2Config(
        resolution, tuple(5 - k % 3 for k in range(levels)), dim, dim, mapping_layers=2, clamp=clamp
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = StyleGan2(config)
        for name, value in model.named_parameters():
            if name.endswith('noise_strength'):
                value.data.normal_(0, 0.3)
            elif name.endswith('bias') and 'style' not in name:
                value.data.normal_(0, 0.2)
        model.mapping.mean_style.normal_(0, 0.5)
    return model.eval().requires_grad_(False)
