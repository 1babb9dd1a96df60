"""The unary side of AttentionCut: from a class map to the objectness of each pixel (DiffusionSeg, Eq. 3-4)."""

from __future__ import annotations

import numpy as np

from .canvas import resize_map
from .cut_settings import CutSettings
from .evidence import Evidence, cross_map
from .mixture import mixture_calibration


def objectness(cross: np.ndarray, seed_map: np.ndarray, lambda_phi: float, eps: float = 0.01) -> np.ndarray:
    """Return ``u = clip(A_c + lambda_phi r, eps, 1 - eps)``, ``(H, W)``.

    Args:
        cross: Class map A_c in [0, 1], ``(H, W)``.
        seed_map: Mean attention to the seeds r in [0, 1], same shape.
        lambda_phi: Weight of the seed map.
        eps: Distance kept from 0 and 1.

    Raises:
        ValueError: A map holds NaN or infinite values.
    """
    for name, array in (('cross', cross), ('seed_map', seed_map)):
        if not np.isfinite(array).all():
            raise ValueError(f'Expected `{name}` to be finite, but got NaN or infinite values.')
    return np.clip(cross + lambda_phi * seed_map, eps, 1 - eps)


def evidence_objectness(evidence: Evidence, size: tuple[int, int], settings: CutSettings) -> np.ndarray:
    """Return the calibrated, biased objectness on any grid, float32 ``size`` in [epsilon, 1 - epsilon]."""
    cross, eps = settings.lambda_cross * class_map(evidence, settings), settings.epsilon
    if settings.calibration == 'min_max':
        u = objectness(resize_map(cross, size), resize_map(evidence.seed_map, size), settings.lambda_phi, eps)
    else:
        cross = mixture_calibration(cross + settings.lambda_phi * evidence.seed_map)
        u = objectness(resize_map(cross, size), np.zeros(size, np.float32), 0.0, eps)
    if settings.bias:
        odds = u / (1 - u) * np.exp(np.float32(settings.bias))
        u = np.clip(odds / (1 + odds), eps, 1 - eps)
    return u.astype(np.float32)


def class_map(evidence: Evidence, settings: CutSettings) -> np.ndarray:
    """Return the class map in [0, 1], float32 ``(R1, R2)``; 'border' calibration turns inverted ones over."""
    found = cross_map(evidence, settings.top_k)
    return inside_high(found) if settings.calibration == 'border' else found


def inside_high(array: np.ndarray) -> np.ndarray:
    """Return the map, turned over within its own range where its outermost pixels exceed the others on average.

    Objects rarely fill the border (the paper's centre and background priors), so a map that is high there shows the
    background. Needs no class, hence no CLIP.

    Args:
        array: ``(H, W)``, finite; a map without inner pixels stays.

    Example:
        >>> inside_high(np.array([[1.0, 1, 1], [1, 0, 1], [1, 1, 1]]))[1].tolist()
        [0.0, 1.0, 0.0]
    """
    inner = array[1:-1, 1:-1]
    if not inner.size or array.sum() - inner.sum() <= inner.mean() * (array.size - inner.size):
        return array
    return array.max() + array.min() - array


def foreground_logits(mask: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return logits of background and foreground, float32 ``(2, H, W)``, that say the mask at 0.5 and rank by u.

    The probability is the mean of mask and objectness (ours): metrics that threshold it at 0.5 score the mask, and
    those that sweep thresholds see both.

    Args:
        mask: Bool ``(H, W)``.
        u: Objectness in (0, 1), ``(H, W)``.
    """
    probability = (mask.astype(np.float32) + u) / 2
    return np.stack([np.zeros_like(probability), np.log(probability / (1 - probability))]).astype(np.float32)
