"""Label maps from mean attention maps: a mixture for each concept, the most probable one wins.

fobadiffusion, Sec. 3, has one concept; several in one photo are its future work, and ours. Shape letters: G concepts,
``(H, W)`` the grid of the maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .gaussian_mixture import RULES, MixtureMask, mask_outcome, mixture_mask

FOUND, NO_OBJECT = 'found', 'no_object'


@dataclass(frozen=True)
class MixtureSettings:
    """How maps become labels.

    Attributes:
        rule: As in :func:`~mmseg_gen.functional.gaussian_mixture.mixture_mask`.
        orphans: Drop orphan pixels.
        min_contrast: A concept whose map has a standard deviation below this share of its mean is not in the photo: its
            outcome is 'no_object' (ours). 0 for never.

    Raises:
        ValueError: A value is out of range.
    """

    rule: str = 'means'
    orphans: bool = True
    min_contrast: float = 0.0

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f'Expected `rule` from {", ".join(RULES)}, but got {self.rule!r}.')
        if not self.min_contrast >= 0:
            raise ValueError(f'Expected `min_contrast` to be 0 or more, but got {self.min_contrast}.')


@dataclass(frozen=True)
class ConceptLabels:
    """Labels of one photo.

    Attributes:
        labels: uint8 ``(H, W)``: 0 background, i the i-th concept.
        outcomes: What became of each concept's map: 'no_object' or one of
            :data:`~mmseg_gen.functional.gaussian_mixture.OUTCOMES`.
        uncertainty: Mean over the concepts found of one minus the posterior's contrast, in [0, 1]; 1 where none is.
    """

    labels: np.ndarray
    outcomes: tuple[str, ...]
    uncertainty: float

    @property
    def outcome(self) -> str:
        """One word for the photo: 'found' if any concept is, else that of the first."""
        return FOUND if FOUND in self.outcomes else self.outcomes[0]


def label_concepts(maps: np.ndarray, settings: MixtureSettings | None = None) -> ConceptLabels:
    """Return where each concept is.

    Each map has a mixture of its own, and its mask as :func:`~mmseg_gen.functional.gaussian_mixture.mixture_mask` says.
    A pixel of several masks goes to the concept of the largest posterior; of equal ones, to the largest value by the
    concept's own scale (0 at the mean outside its mask, 1 at the mean inside); then to the first.

    Args:
        maps: Raw, ``(G, H, W)``, finite.
        settings: None for the authors'.

    Raises:
        ValueError: ``maps`` has another shape or is not finite.
    """
    settings = settings or MixtureSettings()
    if maps.ndim != 3 or 0 in maps.shape:
        raise ValueError(f'Expected `maps` of shape (G, H, W), none of them 0, but got {maps.shape}.')
    found = [mixture_mask(m, rule=settings.rule, orphans=settings.orphans) for m in maps]
    outcomes = tuple(
        NO_OBJECT if relative_deviation(m) < settings.min_contrast else f.outcome
        for m, f in zip(maps, found, strict=True)
    )
    chosen = [k for k, outcome in enumerate(outcomes) if outcome == FOUND]
    if not chosen:
        return ConceptLabels(np.zeros(maps.shape[1:], np.uint8), outcomes, 1.0)
    labels = _most_probable([found[k] for k in chosen], np.stack([_own_scale(maps[k], found[k]) for k in chosen]))
    ids = np.array([0, *(k + 1 for k in chosen)], np.uint8)
    return ConceptLabels(ids[labels], outcomes, float(np.mean([found[k].uncertainty for k in chosen])))


def relative_deviation(values: np.ndarray) -> float:
    """Return the standard deviation over the mean's magnitude; 0 where the mean is 0."""
    mean = abs(float(values.mean(dtype=np.float64)))
    return float(values.std(dtype=np.float64)) / mean if mean > 0 else 0.0


def _own_scale(values: np.ndarray, found: MixtureMask) -> np.ndarray:
    low, high = (float(values[m].mean(dtype=np.float64)) for m in (~found.mask, found.mask))
    return (values - low) / max(abs(high - low), np.finfo(np.float64).tiny)


def _most_probable(found: Sequence[MixtureMask], scaled: np.ndarray) -> np.ndarray:
    """Return 0 or one plus the index of the winner, ``(H, W)``."""
    masks = np.stack([f.mask for f in found])
    posterior = np.where(masks, np.stack([f.posterior for f in found]), -1)
    best = masks & (posterior == posterior.max(0))
    winner = np.where(best, scaled, -np.inf).argmax(0)
    return np.where(masks.any(0), winner + 1, 0)


def refine_labels(
    difference: np.ndarray, preliminary: np.ndarray, settings: MixtureSettings | None = None
) -> ConceptLabels:
    """Return the preliminary labels where the photo differs from its background (Eq. 5), the rest background.

    Args:
        difference: From :func:`~mmseg_gen.functional.inpainting.difference_map`, ``(H, W)``.
        preliminary: uint8 ``(H, W)``, 0 for background.
        settings: None for the authors'; ``min_contrast`` is not used.

    Raises:
        ValueError: The shapes differ.
    """
    settings = settings or MixtureSettings()
    if difference.shape != preliminary.shape:
        raise ValueError(f'Expected `preliminary` of shape {difference.shape}, but got {preliminary.shape}.')
    found = mixture_mask(difference, rule=settings.rule, orphans=settings.orphans)
    labels = np.where(found.mask, preliminary, 0).astype(np.uint8)
    outcome = mask_outcome(labels > 0) if found.outcome in ('found', 'full') else found.outcome
    return ConceptLabels(labels, (outcome,), found.uncertainty if outcome == FOUND else 1.0)
