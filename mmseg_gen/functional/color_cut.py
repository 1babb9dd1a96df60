"""Label maps from probabilities by a minimum cut that learns each object's colours on the way.

Ours, after Rother et al., "GrabCut", SIGGRAPH 2004: what :func:`~mmseg_gen.functional.attention_cut.attention_cut` does
with attention, for the probabilities of any segmentor and any number of classes. Shape letters: C classes, the
background first; ``(H, W)`` the image's size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .attention_cut import geodesic_similarity, pair_weights
from .canvas import check_image, color_planes, limited_size, resize_labels, resize_map
from .color_model import color_logit
from .label_cut import label_cut


@dataclass(frozen=True)
class ColorCutSettings:
    """Settings of :func:`color_cut`.

    The defaults are those of ``EMBEDDED_CUT``, with half the weight of the colours, chosen on photographs
    (docs/refinement.md).

    Attributes:
        smoothness: Cost of a border between two pixels of the same colour, in nats.
        color_scale: Factor on the difference of two neighbours' colours (CIELAB / 100): the cost of a border falls by
            ``exp(-color_scale * difference)``.
        rounds: Further cuts, each with the colours of the labels before it; 0 leaves the colours to the borders.
        color_weight: Weight of those colours, in nats per nat.
        color_bins: Histogram cells per channel of the colours, at least 2.
        epsilon: Least probability, in (0, 0.5): no pixel is beyond doubt.
        max_side: Larger images are cut at this longer side.

    Raises:
        ValueError: A value is out of range.
    """

    smoothness: float = 5.0
    color_scale: float = 10.0
    rounds: int = 3
    color_weight: float = 2.0
    color_bins: int = 12
    epsilon: float = 0.01
    max_side: int = 1024

    def __post_init__(self) -> None:
        for name in ('smoothness', 'color_scale', 'color_weight', 'rounds'):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f'Expected `{name}` to be 0 or more, but got {getattr(self, name)}.')
        if not 0 < self.epsilon < 0.5:
            raise ValueError(f'Expected `epsilon` in (0, 0.5), but got {self.epsilon}.')
        if self.color_bins < 2 or self.max_side < 1:
            raise ValueError(
                f'Expected `color_bins` >= 2 and `max_side` >= 1, but got {self.color_bins} and {self.max_side}.'
            )


def color_cut(image: np.ndarray, probabilities: np.ndarray, settings: ColorCutSettings | None = None) -> np.ndarray:
    """Return the label of each pixel, int64 ``(H, W)`` in [0, C).

    Classes that are nowhere the most probable one get no pixel. With two classes each cut is exact.

    Args:
        image: RGB uint8 ``(H, W, 3)``.
        probabilities: ``(C, H, W)``, summing to 1 over C.
        settings: None for the defaults.

    Raises:
        TypeError: ``image`` is not uint8.
        ValueError: The sizes differ.
    """
    settings = settings or ColorCutSettings()
    check_image(image)
    size = image.shape[:2]
    if probabilities.ndim != 3 or probabilities.shape[1:] != size:
        raise ValueError(f'Expected `probabilities` of shape (C, {size[0]}, {size[1]}), but got {probabilities.shape}.')
    present = np.unique([0, *np.unique(probabilities.argmax(0))])
    grid = limited_size(size, settings.max_side)
    colors = color_planes(resize_map(image, grid), 'lab')
    chosen = np.stack([resize_map(plane, grid) for plane in probabilities[present].astype(np.float32)])
    costs = -np.log(np.maximum(chosen.astype(np.float64), settings.epsilon))
    similarity = geodesic_similarity(colors, settings.color_scale)
    weights = pair_weights(np.zeros_like(similarity), similarity, 1.0, settings.smoothness)
    labels, _ = color_label_cut(
        costs, weights, colors, rounds=settings.rounds, weight=settings.color_weight, bins=settings.color_bins
    )
    return present[resize_labels(labels, size)]


def color_label_cut(
    costs: np.ndarray, weights: np.ndarray, colors: np.ndarray, *, rounds: int, weight: float, bins: int
) -> tuple[np.ndarray, float]:
    """Cut, then cut again with the colours of the labels before, until they rest or the rounds are used up.

    Returns the labels, int64 ``(H, W)``, and the energy of the last cut.

    Args:
        costs: Of each label at each pixel, float64 ``(C, H, W)``; the first label has no colours of its own.
        weights: Of neighbours, ``(4, H, W)``.
        colors: ``(H, W, 3)`` float.
        rounds: Further cuts.
        weight: Of the colours.
        bins: Histogram cells per channel.
    """
    labels, energy = label_cut(costs, weights)
    for _ in range(rounds):
        colored = costs.copy()
        for k in range(1, len(costs)):
            colored[k] -= weight * color_logit(colors, labels == k, bins)
        again, energy = label_cut(colored, weights, labels)
        if (again == labels).all():
            break
        labels = again
    return labels, energy
