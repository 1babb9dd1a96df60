"""Which clusters of style mixing are the object (Feng et al., Sec. 3.2: corner minority and saliency).

Shape letters: ``(H, W)`` the clusters' grid, k clusters, P parts of the object.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .canvas import check_image, resize_labels, resize_map
from .style_clustering import ClusterSettings, StyleClusters, cluster_styles
from .style_stack import StyleStack

FOUND, NO_FOREGROUND, NO_BACKGROUND = 'found', 'no confident foreground', 'no confident background'
RULES = ('saliency', 'corner')
Gaussian = tuple[float, float, float, float]


@dataclass(frozen=True)
class ForegroundSettings:
    """Settings of the choice of clusters. The rules are the paper's; it gives none of the numbers.

    Attributes:
        foreground: 'saliency' (a cluster is the object where the mean of a prior over its pixels is above a
            threshold) or 'corner' (a cluster is background where it fills a corner).
        saliency_threshold: In [0, 1]. The default lies just above the mean of the default prior over the whole image.
        parts: Priors of the object's parts, labelled 1, 2, ...: each the highest of Gaussians ``(y, x, deviation in y,
            deviation in x)`` in shares of the sides, peak 1. A cluster goes to the part of the highest mean: with many
            clusters and several parts, this merges them to eyes, mouth, ... One part in the middle by default.
        corner_size: Side of the corners (the paper's b) as a share of the shorter side, in (0, 0.5].
        corner_threshold: Share of a corner that makes a cluster background, in (0, 1].
        use_image: Whether the image itself is one more variation.

    Raises:
        ValueError: A value is out of range.
    """

    foreground: str = 'saliency'
    saliency_threshold: float = 0.4
    parts: tuple[tuple[Gaussian, ...], ...] = (((0.5, 0.5, 0.25, 0.25),),)
    corner_size: float = 0.1
    corner_threshold: float = 0.5
    use_image: bool = False

    def __post_init__(self) -> None:
        if self.foreground not in RULES:
            raise ValueError(f'Expected `foreground` from {", ".join(RULES)}, but got {self.foreground!r}.')
        if not 0 <= self.saliency_threshold <= 1:
            raise ValueError(f'Expected `saliency_threshold` in [0, 1], but got {self.saliency_threshold}.')
        if not 0 < self.corner_size <= 0.5:
            raise ValueError(f'Expected `corner_size` in (0, 0.5], but got {self.corner_size}.')
        if not 0 < self.corner_threshold <= 1:
            raise ValueError(f'Expected `corner_threshold` in (0, 1], but got {self.corner_threshold}.')
        parts = tuple(tuple(tuple(gaussian) for gaussian in part) for part in self.parts)
        for gaussian in [gaussian for part in parts for gaussian in part]:
            if len(gaussian) != 4 or min(gaussian[2:]) <= 0:
                raise ValueError(
                    f'Expected `parts` of Gaussians (y, x, deviation in y and in x), but got {gaussian} in it.'
                )
        if not parts or not all(parts) or len(parts) > 254:
            raise ValueError(f'Expected 1 to 254 `parts` of at least one Gaussian each, but got {self.parts}.')
        object.__setattr__(self, 'parts', parts)


@dataclass(frozen=True)
class StyleLabel:
    """Label of one image.

    Attributes:
        labels: uint8 ``(H, W)`` at the image's size: 0 background, parts from 1 on; zeros unless one was found.
        outcome: 'found', 'no confident foreground' or 'no confident background'.
        parts: Part of each cluster, ``(k,)``.
        uncertainty: Mean over pixels of the distance to the nearest centre of the own part against that of any other,
            in [0, 1]; 1 where nothing was found.
    """

    labels: np.ndarray
    outcome: str
    parts: np.ndarray
    uncertainty: float


def gaussian_prior(size: tuple[int, int], gaussians: tuple[Gaussian, ...]) -> np.ndarray:
    """Return the highest of the Gaussians at each pixel's centre, float64 ``(H, W)`` in [0, 1]."""
    y = (np.arange(size[0])[:, None] + 0.5) / size[0]
    x = (np.arange(size[1])[None, :] + 0.5) / size[1]
    maps = [np.exp(-(((y - cy) / sy) ** 2 + ((x - cx) / sx) ** 2) / 2) for cy, cx, sy, sx in gaussians]
    return np.max(maps, axis=0)


def salient_parts(labels: np.ndarray, count: int, priors: np.ndarray, threshold: float) -> np.ndarray:
    """Return the part of each cluster: that of the highest mean prior if it is above the threshold, else 0 (Eq. 3).

    Args:
        labels: Clusters ``(H, W)``.
        count: k.
        priors: Saliency of each part, ``(P, H, W)`` in [0, 1].
        threshold: In [0, 1].

    Returns:
        Integers ``(k,)`` in [0, P]; 0 for clusters without pixels.
    """
    sizes = np.maximum(np.bincount(labels.ravel(), minlength=count), 1)
    means = np.stack([np.bincount(labels.ravel(), prior.ravel(), count) / sizes for prior in priors])
    return np.where(means.max(0) > threshold, 1 + means.argmax(0), 0)


def corner_parts(labels: np.ndarray, count: int, corner: int, threshold: float) -> np.ndarray:
    """Return 0 for each cluster that fills ``round(threshold b^2)`` pixels of any of the four corners, else 1.

    Args:
        labels: Clusters ``(H, W)``.
        count: k.
        corner: Side of the corners in pixels, b.
        threshold: Share of a corner, in (0, 1]; at least one pixel.
    """
    needed = max(1, round(threshold * corner * corner))
    ends = (slice(corner), slice(-corner, None))
    corners = [labels[rows, columns].ravel() for rows in ends for columns in ends]
    filled = np.stack([np.bincount(pixels, minlength=count) for pixels in corners])
    return np.where((filled >= needed).any(0), 0, 1)


def choose_parts(labels: np.ndarray, count: int, settings: ForegroundSettings) -> np.ndarray:
    """Return the part of each cluster, ``(k,)``, by the rule of the settings; 0 is background."""
    if settings.foreground == 'corner':
        corner = max(1, round(settings.corner_size * min(labels.shape)))
        return corner_parts(labels, count, corner, settings.corner_threshold)
    priors = np.stack([gaussian_prior(labels.shape, part) for part in settings.parts])
    return salient_parts(labels, count, priors, settings.saliency_threshold)


def label_styles(
    stack: StyleStack, image: np.ndarray, clustering: ClusterSettings, foreground: ForegroundSettings
) -> StyleLabel:
    """Return the label of an image from its style stack.

    Args:
        stack: Its variations, at any size.
        image: RGB uint8 ``(H, W, 3)``; gives the label's size, and one more variation with ``use_image``.
        clustering: How pixels are clustered.
        foreground: How clusters are chosen.

    Raises:
        ValueError: There are fewer distinct pixels than clusters.
    """
    check_image(image)
    images = stack.images
    if foreground.use_image:
        images = np.concatenate([resize_map(image, images.shape[1:3])[None], images])
    clusters = cluster_styles(images, clustering)
    parts = choose_parts(clusters.labels, clustering.clusters, foreground)
    present = parts[np.unique(clusters.labels)]
    if present.any() and not present.all():
        labels = resize_labels(parts[clusters.labels].astype(np.uint8), image.shape[:2])
        return StyleLabel(labels, FOUND, parts, _uncertainty(clusters, parts))
    outcome = NO_BACKGROUND if present.any() else NO_FOREGROUND
    return StyleLabel(np.zeros(image.shape[:2], np.uint8), outcome, parts, 1.0)


def _uncertainty(clusters: StyleClusters, parts: np.ndarray) -> float:
    own = parts[clusters.labels][..., None] == parts
    near = np.where(own, clusters.distances, np.inf).min(-1)
    far = np.where(own, np.inf, clusters.distances).min(-1)
    return float(np.divide(near, far, out=np.ones_like(near), where=far > 0).mean(dtype=np.float64))
