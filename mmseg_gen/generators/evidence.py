"""From a recorder to the evidence that AttentionCut and its baselines read (DiffusionSeg, Sec. 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmseg_gen.functional.attention import (
    Level,
    layer_deviation,
    min_max,
    neighbor_affinity,
    resize_maps,
    rows_at,
    top_layers_mean,
)
from mmseg_gen.functional.attention_cut import boundary_seeds
from mmseg_gen.functional.evidence import Evidence

from .capture import AttentionRecorder


def collect_evidence(
    recorder: AttentionRecorder,
    positions: Sequence[Sequence[int]],
    *,
    top_k: int,
    tau: float,
    num_seeds: int,
    seeds: Sequence[int],
) -> list[Evidence]:
    """Return each sample's evidence on the grid of the latents.

    Args:
        recorder: After a run with cross- and self-attention.
        positions: Token positions of the class, one list per sample.
        top_k: Layers of largest deviation whose mean gives the mask that seeds are drawn from.
        tau: Threshold of that mask in (0, 1).
        num_seeds: Pixels drawn from the mask's boundary, at least 1.
        seeds: One number per sample that decides the draw.

    Raises:
        ValueError: A setting is out of range, the lists differ in length, or the attention is not finite.
    """
    if len(seeds) != len(positions):
        raise ValueError(f'Expected one of `seeds` for each of {len(positions)} samples, but got {len(seeds)}.')
    if not 0 < tau < 1:
        raise ValueError(f'Expected `tau` in (0, 1), but got {tau}.')
    if num_seeds < 1:
        raise ValueError(f'Expected `num_seeds` to be 1 or more, but got {num_seeds}.')
    raw = recorder.cross_maps(positions)
    deviation, maps = layer_deviation(raw), resize_maps(raw, recorder.size)
    objects = min_max(top_layers_mean(maps, deviation, top_k)) > tau
    found = []
    for i, seed in enumerate(seeds):
        levels = recorder.self_levels(i)
        affinity = neighbor_affinity(levels, recorder.size)
        seed_map = _seed_map(levels, objects[i], num_seeds, seed)
        found.append(Evidence(*(t.cpu().numpy() for t in (maps[i], deviation[i], seed_map, affinity))))
    return found


def _seed_map(levels: Sequence[Level], mask: Tensor, count: int, seed: int) -> Tensor:
    """Return the min-maxed mean attention to boundary pixels, ``(R1, R2)``; zeros if there are none."""
    pixels = boundary_seeds(mask.cpu().numpy(), count, np.random.default_rng(seed))
    if not len(pixels):
        return torch.zeros(mask.shape)
    size = (mask.shape[0], mask.shape[1])
    return min_max(rows_at(levels, size, torch.as_tensor(pixels, device=mask.device)).mean(0))
