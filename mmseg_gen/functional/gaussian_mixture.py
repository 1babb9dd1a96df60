"""Two-component Gaussian mixtures of a map's values, and the masks that they give (fobadiffusion, Sec. 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import correlate

RULES = ('means', 'posterior')
# What became of a map. 'constant' and 'one_component' have no mask; 'empty' and 'full' have one without an edge.
OUTCOMES = ('found', 'constant', 'one_component', 'empty', 'full')

# Values that the mixture is fitted to at most (ours): 12 million of a photo add nothing to these quantiles.
_FITTED = 8192
# Means closer than this share of the values' standard deviation are one component (ours).
_APART = 1e-2


@dataclass(frozen=True)
class TwoGaussians:
    """A mixture of two Gaussians, the lower one first.

    Attributes:
        means: Of the two components, increasing.
        deviations: Their standard deviations.
        shares: Their weights, summing to 1.
    """

    means: tuple[float, float]
    deviations: tuple[float, float]
    shares: tuple[float, float]

    @property
    def threshold(self) -> float:
        """The mean of the two means, the rule of the authors' code."""
        return (self.means[0] + self.means[1]) / 2


@dataclass(frozen=True)
class MixtureMask:
    """Where a map is high.

    Attributes:
        mask: Bool ``(H, W)``; empty where the mixture is degenerate.
        posterior: Probability of the higher component, float32 ``(H, W)`` in [0, 1]; zeros where it is degenerate.
        outcome: One of ``OUTCOMES``.
    """

    mask: np.ndarray
    posterior: np.ndarray
    outcome: str

    @property
    def uncertainty(self) -> float:
        """One minus the contrast of the posterior inside and outside the mask, in [0, 1]; 1 without an edge."""
        if self.outcome != 'found':
            return 1.0
        inside, outside = (self.posterior[m].mean(dtype=np.float64) for m in (self.mask, ~self.mask))
        return float(1 - max(0.0, inside - outside))


def fit_two_gaussians(values: np.ndarray) -> TwoGaussians | None:
    """Return the mixture of two Gaussians fitted to some values, or None where they are all the same.

    scikit-learn's EM from k-means, one seed. The values are scaled to unit deviation first: its floor under the
    variances is absolute, and attention is about 0.01.

    Args:
        values: Any shape, finite, at least one.

    Raises:
        ValueError: There is no value, or one is NaN or infinite.
    """
    from sklearn.mixture import GaussianMixture

    flat = np.sort(np.asarray(values, np.float64).ravel())
    if not flat.size or not np.isfinite(flat).all():
        raise ValueError(f'Expected `values` to be finite and at least one, but got {flat.size} with NaN or infinite.')
    center, scale = flat.mean(), flat.std()
    if flat[-1] - flat[0] <= 1e-6 * np.abs(flat).max():
        return None
    chosen = flat[np.linspace(0, flat.size - 1, min(flat.size, _FITTED)).round().astype(int)]
    model = GaussianMixture(2, random_state=0).fit(((chosen - center) / scale)[:, None])
    order = model.means_[:, 0].argsort()
    means = model.means_[order, 0] * scale + center
    deviations = np.sqrt(model.covariances_[order, 0, 0]) * scale
    low, high = ((float(a[0]), float(a[1])) for a in (means, deviations))
    return TwoGaussians(low, high, (float(model.weights_[order[0]]), float(model.weights_[order[1]])))


def upper_posterior(values: np.ndarray, mixture: TwoGaussians) -> np.ndarray:
    """Return the probability that values are of the higher component, float32 in [0, 1], increasing in the value.

    Values beyond the means count as the means (ours): of unequal variances the wider component would win at both ends.

    Args:
        values: Any shape.
        mixture: From :func:`fit_two_gaussians`.
    """
    inside = np.clip(np.asarray(values, np.float64), *mixture.means)
    low, high = (
        np.log(share) - np.log(deviation) - ((inside - mean) / deviation) ** 2 / 2
        for mean, deviation, share in zip(mixture.means, mixture.deviations, mixture.shares, strict=True)
    )
    return (1 / (1 + np.exp(np.clip(low - high, -500, 500)))).astype(np.float32)


def drop_orphans(mask: np.ndarray) -> np.ndarray:
    """Return the mask after a vote of each 3 x 3 neighbourhood, bool ``(H, W)``; the border keeps its values.

    The authors' mean filter: a pixel stays, or joins, where at least half of the nine are set.

    Args:
        mask: Bool ``(H, W)``.

    Example:
        >>> drop_orphans(np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], bool)).any()
        np.False_
    """
    out = np.array(mask, bool)
    counts = correlate(out.astype(np.uint8), np.ones((3, 3), np.uint8), mode='constant')
    out[1:-1, 1:-1] = counts[1:-1, 1:-1] >= 5
    return out


def mixture_mask(values: np.ndarray, *, rule: str = 'means', orphans: bool = True) -> MixtureMask:
    """Return where a map belongs to the higher of two components.

    Args:
        values: Raw map ``(H, W)``, finite.
        rule: 'means' where it exceeds the mean of the two means (authors' code); 'posterior' where the higher component
            is the more probable.
        orphans: Drop orphan pixels by :func:`drop_orphans`.

    Raises:
        ValueError: ``rule`` is another word, or the map has another shape or is not finite.
    """
    if rule not in RULES:
        raise ValueError(f'Expected `rule` from {", ".join(RULES)}, but got {rule!r}.')
    if np.ndim(values) != 2:
        raise ValueError(f'Expected `values` of shape (H, W), but got {np.shape(values)}.')
    mixture = fit_two_gaussians(values)
    if mixture is None or mixture.means[1] - mixture.means[0] <= _APART * np.std(values, dtype=np.float64):
        nothing = np.zeros(values.shape, np.float32)
        return MixtureMask(nothing > 0, nothing, 'constant' if mixture is None else 'one_component')
    posterior = upper_posterior(values, mixture)
    mask = values > mixture.threshold if rule == 'means' else posterior > 0.5
    mask = drop_orphans(mask) if orphans else mask
    return MixtureMask(mask, posterior, mask_outcome(mask))


def mask_outcome(mask: np.ndarray) -> str:
    """Return 'empty' or 'full' for a mask without an edge, else 'found'."""
    return 'empty' if not mask.any() else 'full' if mask.all() else 'found'
