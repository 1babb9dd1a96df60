"""A mask written into attention logits: G4Seg's explicit mask injection (Eq. 3-5) and DenseDiffusion's variants.

DenseDiffusion: Kim et al., ICCV 2023. The logits are always ``Q K^T / sqrt(d)``. Masks may be soft: a weight m in
[0, 1] injects the share m, so that the result is differentiable with respect to the mask. Shape letters: N samples,
H heads, n pixels of a layer, q of them as queries, K keys (tokens or pixels), d channels of a head.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

# treg of DenseDiffusion: (t / T) ** 5.
TIME_POWER = 5


@dataclass(frozen=True)
class InjectionSettings:
    """How a mask is written into attention.

    Attributes:
        cross_weight: Weight in cross-attention, 0 or more; 1.0 in DenseDiffusion, "whose parameters we follow" [G4Seg].
        self_weight: Weight in self-attention, 0 or more; 0.3 in DenseDiffusion.
        range_adaptive: The weight is a share of the way to the query's largest logit (DenseDiffusion); else it is
            Eq. 5's constant alpha, divided by sqrt(d).
        time_weight: Multiply by (t / T)^5 as DenseDiffusion does; at t = 400 that is 0.01, practically off.
        size_weight: Multiply by 1 - the foreground's share of the image (DenseDiffusion).
        negative_branch: Also push the class's tokens down outside the mask, and foreground and background pixels
            apart (DenseDiffusion has this branch, G4Seg's Eq. 3-4 do not).
        soft: Inject the probabilities themselves; else the mask where they exceed one half.
        max_self_side: Inject into self-attention on grids up to this side only; None for all.

    Raises:
        ValueError: A weight is negative or not finite, or ``max_self_side`` is below 1.
    """

    cross_weight: float = 1.0
    self_weight: float = 0.3
    range_adaptive: bool = True
    time_weight: bool = False
    size_weight: bool = False
    negative_branch: bool = False
    soft: bool = False
    max_self_side: int | None = None

    def __post_init__(self) -> None:
        for name in ('cross_weight', 'self_weight'):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f'Expected `{name}` to be 0 or more and finite, but got {getattr(self, name)}.')
        if self.max_self_side is not None and self.max_self_side < 1:
            raise ValueError(f'Expected `max_self_side` to be 1 or more, or None, but got {self.max_self_side}.')


def injection_strength(settings: InjectionSettings, mask: Tensor, timestep: int, total: int) -> Tensor:
    """Return the factor of each sample's weights, ``(N,)``: 1 unless time or size weighs.

    Args:
        settings: Which of the two count.
        mask: Foreground in [0, 1], ``(N, n)``.
        timestep: t in [0, ``total``).
        total: T, the number of training steps.
    """
    strength = torch.ones(len(mask), dtype=mask.dtype, device=mask.device)
    if settings.time_weight:
        strength = strength * (timestep / total) ** TIME_POWER
    if settings.size_weight:
        strength = strength * (1 - mask.mean(1))
    return strength


def layer_mask(mask: Tensor, grid: tuple[int, int], soft: bool) -> Tensor:
    """Return the mask on a layer's grid, flat ``(N, h * w)`` in [0, 1]: area means, cut at one half unless soft.

    Args:
        mask: Foreground in [0, 1], ``(N, H, W)``.
        grid: Height and width of the layer.
        soft: Whether to keep the means.
    """
    means = F.interpolate(mask[:, None], grid, mode='area').flatten(1)
    return means if soft else (means > 0.5).to(mask.dtype)


def cross_pairs(mask: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Return Eq. 3's mask and its complement among the class's tokens, ``(N, q, K)`` each.

    Args:
        mask: Foreground in [0, 1] of the queries, ``(N, q)``.
        tokens: 1 at the class's tokens, else 0, ``(N, K)``.

    Example:
        >>> cross_pairs(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]))[0].tolist()
        [[[0.0, 1.0], [0.0, 0.0]]]
    """
    return mask[:, :, None] * tokens[:, None], (1 - mask)[:, :, None] * tokens[:, None]


def self_pairs(queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
    """Return Eq. 4's mask, pairs of foreground pixels, and the pairs of unlike pixels, ``(N, q, n)`` each.

    Args:
        queries: Foreground in [0, 1] of the queries, ``(N, q)``.
        keys: Foreground in [0, 1] of all pixels, ``(N, n)``.
    """
    rows, columns = queries[:, :, None], keys[:, None]
    return rows * columns, rows * (1 - columns) + (1 - rows) * columns


def inject(
    logits: Tensor, pairs: Tensor, apart: Tensor | None, strength: Tensor, *, range_adaptive: bool, channels: int
) -> Tensor:
    """Return attention logits with a mask written into them, ``(N, H, q, K)``.

    Args:
        logits: ``Q K^T / sqrt(d)``, ``(N, H, q, K)``.
        pairs: How far each pair shall attend to one another, in [0, 1], ``(N, q, K)``.
        apart: How far each pair shall not, likewise; None without the negative branch.
        strength: Weight of each sample, ``(N,)``.
        range_adaptive: Move by that share of the distance to the row's largest (smallest) logit over the keys; else by
            ``strength / sqrt(d)``.
        channels: d.

    Example:
        >>> logits, pairs = torch.tensor([[[[2.0, 0.0]]]]), torch.tensor([[[0.0, 1.0]]])
        >>> inject(logits, pairs, None, torch.tensor([0.5]), range_adaptive=True, channels=4).tolist()
        [[[[2.0, 1.0]]]]
        >>> inject(logits, pairs, None, torch.tensor([0.5]), range_adaptive=False, channels=4).tolist()
        [[[[2.0, 0.25]]]]
    """
    weight = strength[:, None, None, None]
    if not range_adaptive:
        shift = pairs if apart is None else pairs - apart
        return logits + weight * shift[:, None] / math.sqrt(channels)
    raised = logits + weight * pairs[:, None] * (logits.amax(-1, keepdim=True) - logits)
    if apart is None:
        return raised
    # As in DenseDiffusion, both distances are those of the logits before any change.
    return raised - weight * apart[:, None] * (logits - logits.amin(-1, keepdim=True))
