"""Training of the embedded StyleGAN2: the renderer of :mod:`.cats` is distilled into it, without an adversary.

The mapping network learns to make w uniform, and its coordinates are the factors up to scale. The synthesis network
learns to draw them, each group of factors from a w of its own in its range of layers: so styles can be mixed, and
every image has an exact mask. Shape letters: N images, F factors, G groups of layers, L layers.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..stylegan2 import StyleGan2, StyleGan2Config
from ..stylegan2.network import Mapping, Synthesis
from .cat_factors import GROUPS, LAYERS, NAMES, latent_factors, layer_factors
from .cats import REGIONS, render_cats, render_regions
from .stages import Loss

CONFIG = StyleGan2Config(
    resolution=64,
    channels=(192, 192, 128, 96, 48),
    latent_dim=len(NAMES),
    style_dim=len(NAMES),
    mapping_layers=4,
    mapping_rate=1.0,
)
# Uniform on [0, 1] becomes unit variance.
_SCALE = math.sqrt(12)
# The mapping network misses the ends of [0, 1] by a little.
_MARGIN = 0.04


def style_factors(styles: Tensor) -> Tensor:
    """Return the factors that the styles of an image stand for, ``(N, F)``, from ``(N, L, F)``.

    A factor is read in its own group's layers; where they differ, their mean counts.
    """
    return layer_factors(0.5 + styles / _SCALE)


def factor_styles(factors: Tensor) -> Tensor:
    """Return w of factors; the shape is kept."""
    return (factors - 0.5) * _SCALE


def build_embedded_stylegan2() -> StyleGan2:
    """Return the network before training.

    Each layer of the mapping network begins as a reflection: the kinks of its activations then lie on both sides, and
    a few of them shape the normal distribution function (random weights learn it 10 times worse).
    """
    model = StyleGan2(CONFIG)
    width = CONFIG.style_dim
    with torch.no_grad():
        for layer in model.mapping.layers:
            layer.weight.copy_(-math.sqrt(width) * torch.eye(width))
            layer.bias.uniform_(-0.5, 0.5)
        # The coarse images know no colours: they begin as black, or the layers of colour would fight clouds.
        for rgb in model.synthesis.to_rgbs[:3]:
            rgb.weight.zero_()
    return model


def mapping_loss(mapping: Mapping, batch: int = 512) -> Loss:
    """Squared error of the factors that w stands for."""
    device = mapping.mean_style.device

    def loss(generator: torch.Generator) -> Tensor:
        z = torch.randn(batch, len(NAMES), generator=generator).to(device)
        return (mapping(z) - factor_styles(latent_factors(z))).square().mean()

    return loss


def draw_styles(count: int, generator: torch.Generator) -> Tensor:
    """Return styles for training ``(N, L, F)``: an independent w in each group of layers."""
    shape = (count, len(GROUPS), len(NAMES))
    drawn = torch.rand(shape, generator=generator) * (1 + 2 * _MARGIN) - _MARGIN
    group = torch.tensor([sum(first <= layer for first in GROUPS.values()) - 1 for layer in range(LAYERS)])
    return factor_styles(drawn)[:, group]


class RegionTraining(nn.Module):
    """The first layers of the synthesis network, with a head that reads regions from their features.

    Colours that multiply regions not yet learned give hardly a gradient: learning the regions first is what makes the
    distillation take minutes (after 500 steps on colours alone there were coloured clouds). The head is left behind.

    Args:
        synthesis: The network.
        layers: Layers that are trained, 5 (16 pixels) or 7 (32 pixels).
        size: Side of the regions' maps.
    """

    def __init__(self, synthesis: Synthesis, layers: int, size: int) -> None:
        super().__init__()
        self.synthesis, self.layers, self.size = synthesis, layers, size
        level = layers // 2
        self.zoom = size // (4 * 2**level)
        self.head = nn.Conv2d(CONFIG.channels[level], len(REGIONS) * self.zoom**2, 1)

    def forward(self, styles: Tensor) -> Tensor:
        """Return logits or shares of the regions, ``(N, R, size, size)``."""
        features, _ = self.synthesis.resume(self.synthesis.start(len(styles)), styles, 0, self.layers, 'none')
        return F.pixel_shuffle(self.head(features), self.zoom)


def logit_loss(training: RegionTraining, batch: int = 32) -> Loss:
    """Cross-entropy with the shares of the regions."""
    return _region_loss(training, batch, F.cross_entropy)


def share_loss(training: RegionTraining, batch: int = 32) -> Loss:
    """Squared error of the shares of the regions, summed over them: what colours can be multiplied with."""

    def error(found: Tensor, shares: Tensor) -> Tensor:
        return (found - shares).square().sum(1).mean()

    return _region_loss(training, batch, error)


def _region_loss(training: RegionTraining, batch: int, error: Callable[[Tensor, Tensor], Tensor]) -> Loss:
    device = training.synthesis.constant.device

    def loss(generator: torch.Generator) -> Tensor:
        styles = draw_styles(batch, generator).to(device)
        shares = render_regions(style_factors(styles), training.size)
        with torch.autocast(device.type, torch.bfloat16):
            found = training(styles)
        return error(found.float(), shares)

    return loss


def synthesis_loss(
    model: StyleGan2, batch: int = 16, *, first: int = 0, forward: Callable[..., Tensor] | None = None
) -> Loss:
    """L1 on pixels and on their differences (edges).

    Args:
        model: The network to train.
        batch: Images per step.
        first: First layer to train; nothing is propagated through those before it.
        forward: Compiled stand-in for the synthesis network's forward.
    """
    device = model.mapping.mean_style.device

    def draw(styles: Tensor) -> Tensor:
        if forward is not None:
            return forward(styles, 'none')
        with torch.set_grad_enabled(first == 0):
            state = model.synthesis.resume(model.synthesis.start(batch), styles, 0, first, 'none')
        return model.synthesis.resume(state, styles, first, CONFIG.num_layers, 'none')[1]

    def loss(generator: torch.Generator) -> Tensor:
        styles = draw_styles(batch, generator).to(device)
        target, _ = render_cats(style_factors(styles))
        with torch.autocast(device.type, torch.bfloat16):
            image = draw(styles).float()
        edges = sum((image.diff(dim=axis) - target.diff(dim=axis)).abs().mean() for axis in (2, 3))
        return (image - target).abs().mean() + edges

    return loss
