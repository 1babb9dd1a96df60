"""Training of the residual encoder of the embedded StyleGAN2.

The styles of a drawn image are known, so the encoder regresses them, and nothing is propagated through the generator.
The renderer that the generator was distilled from stands in for it: it draws nearly the same 10 times faster.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..residual_encoder import EncoderConfig, ResidualEncoder, refine_styles
from .cats import render_cats
from .stages import Loss
from .stylegan import CONFIG, draw_styles, style_factors

ENCODER_CONFIG = EncoderConfig(resolution=64, channels=(32, 64, 96, 128), hidden=192, style_dim=CONFIG.style_dim)
_STEPS = 2


def draw_cats(styles: Tensor) -> Tensor:
    """Return the renderer's images of w, ``(N, 3, 64, 64)``, from ``(N, 1, D)``."""
    return render_cats(style_factors(styles.expand(-1, CONFIG.num_layers, -1)))[0]


def encoder_loss(encoder: ResidualEncoder, batch: int = 16) -> Loss:
    """Squared error of w after each of 2 steps, from the mean style on."""
    device = encoder.out.weight.device
    mean = torch.zeros(1, CONFIG.style_dim, device=device)

    def loss(generator: torch.Generator) -> Tensor:
        styles = draw_styles(batch, generator)[:, :1].to(device)
        found = refine_styles(encoder, draw_cats, mean, draw_cats(styles), _STEPS)
        return torch.stack([(each - styles).square().mean() for each in found]).mean()

    return loss
