"""Latents of images by a network that corrects itself (ReStyle: Alaluf et al., ICCV 2021).

The encoder sees the image beside what the generator draws for the present styles, and returns what to add to them.
It starts at the mean style. Shape letters: N images, L layers, D length of a style, T steps.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Draw = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes of a residual encoder.

    Attributes:
        resolution: Side of the images; each of ``channels`` halves it.
        channels: Channels after each convolution.
        hidden: Features between the last map and the styles.
        style_dim: D.
        styles: 1 for one style in all layers (w), or L for one in each (w+).

    Raises:
        ValueError: A number is below 1, or the convolutions leave no whole pixel.
    """

    resolution: int
    channels: tuple[int, ...]
    hidden: int
    style_dim: int
    styles: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, 'channels', tuple(self.channels))
        for name in ('resolution', 'hidden', 'style_dim', 'styles'):
            if getattr(self, name) < 1:
                raise ValueError(f'Expected `{name}` to be 1 or more, but got {getattr(self, name)}.')
        if not self.channels or min(self.channels) < 1 or self.resolution % 2 ** len(self.channels):
            raise ValueError(
                f'Expected `channels` of 1 or more, as many as {self.resolution} can be halved, but got '
                f'{self.channels}.'
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return asdict(self) | {'channels': list(self.channels)}


class ResidualEncoder(nn.Module):
    """From an image and its present reconstruction to a correction of the styles.

    Args:
        config: Sizes.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        sizes = [6, *config.channels]
        pairs = itertools.pairwise(sizes)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairs)
        side = config.resolution // 2 ** len(config.channels)
        self.hidden = nn.Linear(config.channels[-1] * side * side, config.hidden)
        self.out = nn.Linear(config.hidden, config.styles * config.style_dim)
        # The first correction is none, so that training starts at the mean style.
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return what to add to the styles, ``(N, styles, D)``; images and reconstructions ``(N, 3, R, R)``."""
        x = torch.cat([images, drawn], 1)
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.2)
        x = F.leaky_relu(self.hidden(x.flatten(1)), 0.2)
        return self.out(x).unflatten(1, (self.config.styles, self.config.style_dim))


def refine_styles(encoder: ResidualEncoder, draw: Draw, start: Tensor, images: Tensor, steps: int) -> list[Tensor]:
    """Return the styles after each step, T of ``(N, styles, D)``. Each step's gradient stays within it.

    Args:
        encoder: The network.
        draw: Draws images ``(N, 3, R, R)`` of styles ``(N, styles, D)``; runs without gradient.
        start: First styles, ``(styles, D)``.
        images: What to reconstruct, ``(N, 3, R, R)`` in [-1, 1].
        steps: T.
    """
    styles, found = start[None], []
    for _ in range(steps):
        with torch.no_grad():
            # The start is drawn once for all images.
            drawn = draw(styles).expand_as(images)
        styles = styles.detach() + encoder(images, drawn)
        found.append(styles)
    return found
