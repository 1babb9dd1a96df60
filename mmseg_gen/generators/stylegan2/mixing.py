"""Styles of two images in one: the early layers of one, the late layers of the other (Karras et al., 2019)."""

from __future__ import annotations

import torch
from torch import Tensor


def mix_styles(content: Tensor, style: Tensor, cutoff: int) -> Tensor:
    """Return styles of ``content`` in the layers before ``cutoff`` and of ``style`` from there on.

    Args:
        content: ``(N, L, D)`` or ``(1, L, D)``.
        style: ``(N, L, D)``.
        cutoff: In [0, L]: 0 gives ``style``, L gives ``content``.

    Raises:
        ValueError: ``cutoff`` is outside.

    Example:
        >>> mix_styles(torch.zeros(1, 4, 1), torch.ones(2, 4, 1), 3)[:, :, 0]
        tensor([[0., 0., 0., 1.],
                [0., 0., 0., 1.]])
    """
    check_cutoff(cutoff, style.shape[1])
    return torch.cat([content[:, :cutoff].expand(len(style), -1, -1), style[:, cutoff:]], 1)


def check_cutoff(cutoff: int, layers: int) -> None:
    """Refuse a cutoff outside the layers.

    Raises:
        ValueError: It is not in [0, layers].
    """
    if not 0 <= cutoff <= layers:
        raise ValueError(f'Expected `cutoff` in [0, {layers}], the layers of the generator, but got {cutoff}.')
