"""One label map from the attention of several classes: AttentionCut with more than two labels. All ours.

A class k has the objectness u_k of AttentionCut. The labels compete by their odds, ``p_k ~ u_k / (1 - u_k)``, the
background by 1; for one class that is u and 1 - u, so the energy is AttentionCut's. The coherence of neighbours is
shared. The least energy of several labels is NP-hard to find: expansion moves find one that no move improves, see
`label_cut`. Shape letters: K classes, ``(H, W)`` the image's size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from .attention import NEIGHBORS, top_layers_mean
from .attention_cut import geodesic_similarity, pair_weights, resize_affinity
from .canvas import check_image, color_planes, limited_size, resize_labels, resize_map
from .color_cut import color_label_cut
from .cut_settings import CutSettings
from .evidence import Evidence
from .label_cleaning import border_band, clean_labels, narrow_lead
from .objectness import evidence_objectness
from .scene_evidence import SceneEvidence

IGNORED = 255


@dataclass(frozen=True)
class SceneSettings:
    """How several classes share an image.

    Attributes:
        layers: Cross-attention layers to average, by number, each divided by its own mean; None takes the cut's
            ``top_k`` of largest deviation. In a prompt of several objects the deviation can choose inverted layers
            for all words but the last, for a causal text encoder gives the earlier ones other tasks too.
        min_contrast: Class maps of no more contrast (:func:`map_contrast`) are taken for flat: the class is absent and
            gets no pixel, however its map looks once it is stretched to [0, 1].
        min_share: Classes below this share of the image are absent too, in [0, 1].
        ignore_width: Pixels this near to a border between two labels are ignored; 0 for none.
        ignore_margin: Pixels whose label leads the next by less than this probability, or trails it by less, are
            ignored, in [0, 1]; 0 for none.

    Raises:
        ValueError: A value is out of range.
    """

    layers: tuple[int, ...] | None = None
    min_contrast: float = 0.0
    min_share: float = 0.0
    ignore_width: int = 0
    ignore_margin: float = 0.0

    def __post_init__(self) -> None:
        if self.layers is not None:
            object.__setattr__(self, 'layers', tuple(self.layers))
            if not self.layers or len(set(self.layers)) < len(self.layers) or min(self.layers) < 0:
                raise ValueError(f'Expected `layers` to be numbers >= 0, each once, or None, but got {self.layers}.')
        if not self.min_contrast >= 0:
            raise ValueError(f'Expected `min_contrast` to be 0 or more, but got {self.min_contrast}.')
        if isinstance(self.ignore_width, bool) or not isinstance(self.ignore_width, int) or self.ignore_width < 0:
            raise ValueError(f'Expected `ignore_width` to be a whole number >= 0, but got {self.ignore_width!r}.')
        for name in ('min_share', 'ignore_margin'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f'Expected `{name}` in [0, 1], but got {getattr(self, name)}.')


@dataclass(frozen=True)
class SceneLabels:
    """Result of :func:`label_scene`.

    Attributes:
        labels: uint8 ``(H, W)``: 0 background, class ids, 255 ignored.
        energy: Energy of the last cut, on the cut's own grid, before the clean-up; 0 where no class is present.
        uncertainty: One minus the mean contrast of the classes found (mean objectness inside less mean outside), in
            [0, 1]; 1 where none is.
        missing: Ids of the prompt's classes without a pixel.
    """

    labels: np.ndarray
    energy: float
    uncertainty: float
    missing: tuple[int, ...]


def map_contrast(evidence: Evidence, top_k: int) -> float:
    """Return the standard deviation of the class map over its mean, before it is stretched; 0 for a flat map.

    The map is the mean of the ``top_k`` layers of largest deviation. A word that the image does not show attends
    everywhere alike.

    Raises:
        ValueError: ``top_k`` is not in [1, L].
    """
    cross, deviation = torch.from_numpy(evidence.cross)[None], torch.from_numpy(evidence.deviation)[None]
    raw = top_layers_mean(cross, deviation, top_k)[0].double()
    mean = raw.mean().abs().item()
    return raw.std(correction=0).item() / mean if mean > 0 else 0.0


def with_layers(evidence: Evidence, layers: tuple[int, ...]) -> Evidence:
    """Return the evidence with these layers only, each class map divided by its mean.

    Raises:
        ValueError: A layer is not in [0, L).
    """
    count = len(evidence.cross)
    if max(layers) >= count:
        raise ValueError(f'Expected `layers` in [0, {count}), but got {max(layers)}.')
    chosen = evidence.cross[list(layers)]
    mean = np.maximum(np.abs(chosen.mean((1, 2), keepdims=True)), np.finfo(np.float32).tiny)
    scaled = chosen / mean
    return replace(evidence, cross=scaled, deviation=scaled.std((1, 2)))


def label_costs(objectness: np.ndarray) -> np.ndarray:
    """Return ``-log p`` of the background and of each class, float64 ``(K + 1, H, W)``; ``sum p = 1``.

    Args:
        objectness: u of each class in (0, 1), ``(K, H, W)``.

    Example:
        >>> np.exp(-label_costs(np.array([[[0.8]]]))).ravel().round(3).tolist()
        [0.2, 0.8]
    """
    u: np.ndarray = objectness.astype(np.float64)
    logit = np.concatenate([np.zeros_like(u[:1]), np.log(u) - np.log1p(-u)])
    top = logit.max(0)
    return top + np.log(np.exp(logit - top).sum(0)) - logit


def label_scene(
    evidence: SceneEvidence,
    image: np.ndarray,
    cut: CutSettings | None = None,
    settings: SceneSettings | None = None,
) -> SceneLabels:
    """Label an image with the classes of its prompt.

    Args:
        evidence: Attention of each class.
        image: RGB uint8 ``(H, W, 3)``.
        cut: AttentionCut's settings; its ``refinement`` and ``min_objectness`` are for one class and not used.
        settings: How the classes share the image.

    Raises:
        TypeError: ``image`` is not uint8.
        ValueError: ``image`` has another shape, or ``layers`` or ``top_k`` exceeds the layers.
    """
    cut, settings = cut or CutSettings(), settings or SceneSettings()
    check_image(image)
    if settings.layers is not None:
        evidence = replace(evidence, classes=tuple(with_layers(e, settings.layers) for e in evidence.classes))
        cut = replace(cut, top_k=len(settings.layers))
    present = [k for k, e in enumerate(evidence.classes) if map_contrast(e, cut.top_k) > settings.min_contrast]
    if not present:
        return SceneLabels(np.zeros(image.shape[:2], np.uint8), 0.0, 1.0, evidence.class_ids)
    classes = [evidence.classes[k] for k in present]
    found, energy = _cut_labels(classes, image, cut)
    found = clean_labels(found, cut.min_component, cut.fill_holes, settings.min_share)
    ids = np.array([0, *(evidence.class_ids[k] for k in present)], np.uint8)
    u = np.stack([evidence_objectness(e, image.shape[:2], cut) for e in classes])
    labels = ids[found]
    missing = tuple(i for i in evidence.class_ids if not (labels == i).any())
    unsure = border_band(found, settings.ignore_width) | narrow_lead(label_costs(u), found, settings.ignore_margin)
    return SceneLabels(np.where(unsure, np.uint8(IGNORED), labels), energy, _uncertainty(u, found), missing)


def _cut_labels(classes: list[Evidence], image: np.ndarray, cut: CutSettings) -> tuple[np.ndarray, float]:
    """Return indices into background and classes at the image's size, and the energy."""
    size = image.shape[:2]
    grid = classes[0].seed_map.shape if cut.grid == 'attention' else limited_size(size, cut.max_side)
    colors = color_planes(resize_map(image, grid), cut.color_space)
    costs = label_costs(np.stack([evidence_objectness(e, grid, cut) for e in classes]))
    affinity = cut.lambda_self * np.maximum(resize_affinity(classes[0].affinity, grid), 0)
    weights = pair_weights(affinity, geodesic_similarity(colors, cut.color_scale), cut.lambda_psi, cut.lam)
    if cut.neighborhood == 4:
        weights[[k for k, step in enumerate(NEIGHBORS) if 0 not in step]] = 0
    labels, energy = color_label_cut(
        costs, weights, colors, rounds=cut.color_rounds, weight=cut.color_weight, bins=cut.color_bins
    )
    return resize_labels(labels, size), energy


def _uncertainty(u: np.ndarray, labels: np.ndarray) -> float:
    contrasts = []
    for k, values in enumerate(u.astype(np.float64), 1):
        mask = labels == k
        if mask.any() and not mask.all():
            contrasts.append(max(0.0, values[mask].mean() - values[~mask].mean()))
    return 1 - float(np.mean(contrasts)) if contrasts else 1.0
