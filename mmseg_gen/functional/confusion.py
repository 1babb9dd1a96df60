"""Which pixels a refinement may change, and how their probabilities change (G4Seg, Sec. 3.3.2 and 4.1).

Shape letters: C classes, ``(H, W)`` the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .distances import inner_distance

NORMALIZATIONS = ('divide', 'complement')


@dataclass(frozen=True)
class BandSettings:
    """The confusion filter; the defaults are the paper's.

    Attributes:
        low: Smallest probability of the band, as a share of the class's largest.
        high: Largest probability of the band, likewise.
        max_distance: Pixels at most this far from the mask's edge; None for all. 40 at 512 px in the paper.

    Raises:
        ValueError: Not 0 <= low <= high <= 1, or ``max_distance`` is not positive.
    """

    low: float = 0.2
    high: float = 0.6
    max_distance: float | None = 40.0

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 1:
            raise ValueError(f'Expected 0 <= `low` <= `high` <= 1, but got {self.low} and {self.high}.')
        if self.max_distance is not None and not self.max_distance > 0:
            raise ValueError(f'Expected `max_distance` to be positive, or None, but got {self.max_distance}.')


def edge_distance(mask: np.ndarray) -> np.ndarray:
    """Return each pixel's distance to the nearest pixel of the other kind, float32 ``(H, W)``; inf without an edge.

    Args:
        mask: Bool ``(H, W)``.

    Example:
        >>> edge_distance(np.array([[True, True, False]])).tolist()
        [[2.0, 1.0, 1.0]]
    """
    mask = np.asarray(mask, bool)
    if mask.all() or not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    return np.maximum(inner_distance(mask), inner_distance(~mask))


def confusion_band(probability: np.ndarray, mask: np.ndarray, settings: BandSettings | None = None) -> np.ndarray:
    """Return the pixels of one class that may change, bool ``(H, W)``.

    Args:
        probability: Of the class, in [0, 1], ``(H, W)``.
        mask: The class's present mask, whose edge counts, bool ``(H, W)``.
        settings: None for the paper's.

    Example:
        >>> p = np.array([[0.1, 0.3, 0.5, 1.0]])
        >>> confusion_band(p, p > 0.4).tolist()
        [[False, True, True, False]]
    """
    settings = settings or BandSettings()
    top = float(probability.max())
    band = (probability >= settings.low * top) & (probability <= settings.high * top)
    if settings.max_distance is not None:
        band &= edge_distance(mask) <= settings.max_distance
    return band


def mix_probabilities(
    probability: np.ndarray, matched: np.ndarray, band: np.ndarray, beta: float, evidence: np.ndarray | None = None
) -> np.ndarray:
    """Return ``beta S + (1 - beta) S[delta]`` inside the band and S, bit for bit, outside it (Eq. 9), ``(H, W)``.

    Args:
        probability: S in [0, 1], ``(H, W)``.
        matched: Probability at each pixel's match, ``(H, W)``; read inside the band only.
        band: Bool ``(H, W)``.
        beta: Share of the old probability in [0, 1]; 0.8 for open vocabularies, 0.9 for weak supervision [paper].
        evidence: Ours: multiplies 1 - beta, in [0, 1], ``(H, W)``; None for ones.

    Raises:
        ValueError: ``beta`` is outside [0, 1].
    """
    if not 0 <= beta <= 1:
        raise ValueError(f'Expected `beta` in [0, 1], but got {beta}.')
    share = 1 - beta if evidence is None else (1 - beta) * evidence
    mixed = (1 - share) * probability + share * matched
    return np.where(band, mixed, probability).astype(probability.dtype)


def renormalize(probabilities: np.ndarray, updated: np.ndarray, changed: np.ndarray, how: str = 'divide') -> np.ndarray:
    """Return probabilities that sum to 1 at the changed pixels and are, bit for bit, as they were elsewhere.

    Where all are 0 they get equal parts.

    Args:
        probabilities: ``(C, H, W)``, each class updated by itself.
        updated: Which classes were updated, bool ``(C,)``.
        changed: Pixels where any class was, bool ``(H, W)``.
        how: 'divide' by the sum, as the paper's text; 'complement' (ours) keeps the updated classes, as far as they sum
            to 1 at most, and gives the others the rest, in their proportions: a class above one half is then the
            largest.

    Raises:
        ValueError: ``how`` is another word.
    """
    if how not in NORMALIZATIONS:
        raise ValueError(f'Expected `normalization` from {", ".join(NORMALIZATIONS)}, but got {how!r}.')
    result = probabilities.copy()
    values: np.ndarray = probabilities[:, changed].astype(np.float64)
    if how == 'complement':
        rest = values[~updated]
        room = np.maximum(0, 1 - values[updated].sum(0))
        total = rest.sum(0)
        # Where the others had nothing to share out, they get equal parts.
        share = np.where(total > 0, rest / np.where(total > 0, total, 1), 1 / max(1, len(rest)))
        values[~updated] = share * room
    total = values.sum(0)
    result[:, changed] = np.where(total > 0, values / np.where(total > 0, total, 1), 1 / len(values))
    return result
