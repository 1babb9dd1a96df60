"""Colours of an object against colours of its background: the unary term that GrabCut adds between cuts.

Ours, after Rother et al., "GrabCut", SIGGRAPH 2004, with smoothed histograms in place of mixtures: exact,
deterministic and linear in the number of pixels. The paper of AttentionCut has no such term.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter


def color_index(colors: np.ndarray, bins: int) -> np.ndarray:
    """Return each pixel's cell in a histogram over the image's range of colours, ``(H, W)`` in [0, bins^C).

    Args:
        colors: ``(H, W, C)`` float.
        bins: Cells per channel, at least 2.
    """
    index = np.zeros(colors.shape[:2], np.int64)
    for plane in np.moveaxis(colors, -1, 0):
        low, span = float(plane.min()), float(np.ptp(plane))
        cell = np.rint((plane - low) * ((bins - 1) / span)).astype(np.int64) if span > 0 else 0
        index = index * bins + cell
    return index


def color_logit(colors: np.ndarray, mask: np.ndarray, bins: int = 12, smoothing: float = 1.0) -> np.ndarray:
    """Return ``log p(color | inside) - log p(color | outside)`` at each pixel, float64 ``(H, W)``.

    Both densities are histograms smoothed by a Gaussian; 2 % of their sum is added to each, which bounds the
    answer to ``log(51)`` = 3.93 in magnitude. Where the mask is empty or full the answer is 0.

    Args:
        colors: ``(H, W, 3)`` float, finite.
        mask: Bool ``(H, W)``.
        bins: Cells per channel, at least 2.
        smoothing: Standard deviation of the Gaussian in cells, 0 for none.

    Raises:
        ValueError: ``bins`` or ``smoothing`` is out of range.
    """
    if bins < 2 or smoothing < 0:
        raise ValueError(f'Expected `bins` >= 2 and `smoothing` >= 0, but got {bins} and {smoothing}.')
    if mask.all() or not mask.any():
        return np.zeros(mask.shape)
    index = color_index(colors, bins)
    cells = (bins,) * colors.shape[-1]
    densities = []
    for chosen in (mask, ~mask):
        counts = np.bincount(index[chosen], minlength=bins ** len(cells)).astype(np.float64).reshape(cells)
        if smoothing:
            counts = gaussian_filter(counts, smoothing, mode='constant')
        densities.append(counts.ravel() / counts.sum())
    inside, outside = densities
    floor = 0.02 * (inside + outside) + np.finfo(np.float64).tiny
    return np.log((inside + floor) / (outside + floor))[index]
