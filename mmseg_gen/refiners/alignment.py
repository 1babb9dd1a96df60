"""From a regenerated image to matched probabilities: G4Seg's semantic correspondence alignment (Sec. 3.3.2).

Shape letters: ``(H, W)`` the image, ``(h, w)`` the grid on which pixels are matched, S noise samples.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mmseg_gen.functional.canvas import resize_map
from mmseg_gen.functional.correspondence import MatchSettings, match_features, matched_values


def matched_probability(
    probability: np.ndarray, band: np.ndarray, generated: Tensor, original: Tensor, settings: MatchSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Return ``S[delta_j]``, the mean over samples, and how far the votes agree, float32 ``(H, W)`` each in [0, 1].

    Cells of the grid that the band touches are matched; the values between cells are bilinear.

    Args:
        probability: S, ``(H, W)``.
        band: Pixels that may change, bool ``(H, W)``.
        generated: Features of the regenerated images, ``(S, C, h, w)``.
        original: Features of the image, ``(C, h, w)``.
        settings: How to match.
    """
    grid = (original.shape[1], original.shape[2])
    values = torch.from_numpy(resize_map(probability, grid)).to(original.device).flatten()
    touched = resize_map(band.astype(np.float32), grid) > 0
    places = torch.from_numpy(np.flatnonzero(touched)).to(original.device)
    votes = []
    for features in generated:
        matches = match_features(features.flatten(1).T, original.flatten(1).T, places, grid, settings)
        votes.append(matched_values(values, matches, values[places], settings.temperature))
    mean = torch.stack(votes).mean(0)
    filled, sure = values.clone(), torch.zeros_like(values)
    filled[places] = mean
    # Ours: votes near 0 or 1 are evidence, votes near one half are not.
    sure[places] = (2 * mean - 1).abs().clamp(max=1)
    size = (probability.shape[0], probability.shape[1])
    maps = (resize_map(m.float().cpu().numpy().reshape(grid), size) for m in (filled, sure))
    matched, evidence = (np.clip(m, 0, 1) for m in maps)
    return matched, evidence
