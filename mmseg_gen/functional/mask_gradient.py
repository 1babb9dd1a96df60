"""Eq. 7 of G4Seg taken literally (ours): a soft mask moved down the gradient of what it makes the model generate.

Shape letters: B masks, S noise samples, ``(h, w)`` the grid of the latents.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_SURE = 1e-4


@dataclass(frozen=True)
class GradientSettings:
    """How the literal Eq. 7 is followed; all values are ours, chosen on the embedded scenes.

    Attributes:
        steps: Steps of descent; each costs one pass of the UNet forward and back.
        step: Length of a step in units of logits (root mean square over the grid).
        limit: Largest change of a logit.
        gate: Keep a class's mask unless the model regenerates the image with the new mask at least this share better
            than with the old one (both hard), under noise that the descent has not seen; None keeps every result.
        gate_samples: Noise samples of that test.

    Raises:
        ValueError: A value is out of range.
    """

    steps: int = 8
    step: float = 0.5
    limit: float = 6.0
    gate: float | None = None
    gate_samples: int = 8

    def __post_init__(self) -> None:
        for name in ('steps', 'gate_samples'):
            if getattr(self, name) < 1:
                raise ValueError(f'Expected `{name}` to be 1 or more, but got {getattr(self, name)}.')
        for name in ('step', 'limit'):
            if not getattr(self, name) > 0:
                raise ValueError(f'Expected `{name}` to be positive, but got {getattr(self, name)}.')
        if self.gate is not None and not -1 <= self.gate < 1:
            raise ValueError(f'Expected `gate` in [-1, 1), or None, but got {self.gate}.')


def discrepancy(generated: Tensor, original: Tensor) -> Tensor:
    """Return the squared distance of latents per place, ``(N, h, w)``: D of Eq. 7.

    Args:
        generated: Latents ``(N, C, h, w)``.
        original: Likewise, at each place those of its match.
    """
    return (generated - original).square().mean(1)


def agreement(gradients: Tensor) -> Tensor:
    """Return how far noise samples agree on the direction, in [0, 1]: ``|mean g| / mean |g|``, ``(B, h, w)``.

    Args:
        gradients: ``(B, S, h, w)``.
    """
    mean = gradients.abs().mean(1)
    return torch.where(mean > 0, gradients.mean(1).abs() / mean.clamp(min=torch.finfo(mean.dtype).tiny), 0.0)


def descend(change: Tensor, gradient: Tensor, step: float, limit: float) -> Tensor:
    """Return the change of the masks' logits after one step of normalised descent, ``(B, h, w)``.

    Each mask's gradient is divided by its root mean square, so that ``step`` is in units of logits.

    Args:
        change: Change so far.
        gradient: With respect to the probabilities.
        step: Length, positive.
        limit: Largest change, in absolute value.
    """
    scale = gradient.square().mean((1, 2), keepdim=True).sqrt()
    move = torch.where(scale > 0, gradient / scale.clamp(min=torch.finfo(scale.dtype).tiny), 0.0)
    return (change - step * move).clamp(-limit, limit)


def shifted_probability(probability: Tensor, change: Tensor) -> Tensor:
    """Return ``sigmoid(logit(S) + change)``, the change bilinear at the size of S, ``(B, H, W)``.

    Args:
        probability: S in [0, 1], ``(B, H, W)``.
        change: Of the logits, ``(B, h, w)``.
    """
    if change.shape[-2:] != probability.shape[-2:]:
        change = F.interpolate(change[:, None], probability.shape[-2:], mode='bilinear', align_corners=False)[:, 0]
    return torch.sigmoid(torch.logit(probability.clamp(_SURE, 1 - _SURE)) + change)
