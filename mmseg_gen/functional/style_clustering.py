"""Clusters of pixels whose colours change together over styles (Feng et al., Sec. 3.2, Eq. 2).

A pixel's feature is its colour in each of n variations, 3n numbers. The tensor of all features is never built: k-means
is fitted to a sample, and the pixels are assigned in chunks. Shape letters: n variations, ``(H, W)`` their
size, k clusters, P pixels.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import numpy as np

from .canvas import COLOR_SPACES, color_planes

BACKENDS = ('auto', 'faiss', 'sklearn')
_CHUNK = 1 << 24
_PIXELS = 1 << 12


@dataclass(frozen=True)
class ClusterSettings:
    """Settings of the clustering; `clusters` and `color_space` are the paper's for faces, the others are ours.

    Attributes:
        clusters: k. The paper has 3 for faces, 2 for boxes around one object, 8 for parts of a face.
        color_space: 'lab' (CIELAB / 100) or 'rgb' (in [0, 1]).
        max_points: Pixels for each cluster that k-means is fitted to, drawn at random; 256 is the default of faiss,
            which the paper used: with 3 clusters 768 of a million pixels. None takes all.
        iterations: Of Lloyd's algorithm; 25 is the default of faiss.
        restarts: Starts by k-means++, of which the best fit is kept. (Faiss starts once, at random pixels, and finds
            bad optima that way.)
        seed: Of the sample and of the starts.
        backend: 'faiss', 'sklearn' or 'auto', which takes faiss where it is installed. Both run the same iterations
            from the same starts.

    Raises:
        ValueError: A value is out of range.
    """

    clusters: int = 3
    color_space: str = 'lab'
    max_points: int | None = 256
    iterations: int = 25
    restarts: int = 3
    seed: int = 0
    backend: str = 'auto'

    def __post_init__(self) -> None:
        for name, low in (('clusters', 2), ('iterations', 1), ('restarts', 1), ('seed', 0)):
            if getattr(self, name) < low:
                raise ValueError(f'Expected `{name}` to be {low} or more, but got {getattr(self, name)}.')
        if self.max_points is not None and self.max_points < 1:
            raise ValueError(f'Expected `max_points` to be 1 or more, or None, but got {self.max_points}.')
        for name, words in (('color_space', COLOR_SPACES), ('backend', BACKENDS)):
            if getattr(self, name) not in words:
                raise ValueError(f'Expected `{name}` from {", ".join(words)}, but got {getattr(self, name)!r}.')


class TooFewColors(ValueError):
    """An image has fewer distinct pixels than clusters are asked for."""


@dataclass(frozen=True)
class StyleClusters:
    """Clusters of one image, the largest first.

    Attributes:
        labels: Cluster of each pixel, uint8 ``(H, W)`` in [0, k - 1].
        distances: From each pixel to each centre, float32 ``(H, W, k)``.
        centers: Mean features, float32 ``(k, 3n)``.
    """

    labels: np.ndarray
    distances: np.ndarray
    centers: np.ndarray


def style_features(images: np.ndarray, color_space: str = 'lab') -> np.ndarray:
    """Return the style summary: each pixel's colours in all variations, float32 ``(P, 3n)``.

    Args:
        images: uint8 ``(n, P, 3)`` or ``(n, H, W, 3)``.
        color_space: 'lab' or 'rgb'.
    """
    count = len(images)
    pixels = np.ascontiguousarray(images).reshape(count, -1, 3)
    return np.ascontiguousarray(color_planes(pixels, color_space).transpose(1, 0, 2)).reshape(-1, 3 * count)


def cluster_styles(images: np.ndarray, settings: ClusterSettings | None = None) -> StyleClusters:
    """Return the clusters of pixels by their colours in all variations; equal input gives equal clusters.

    Args:
        images: uint8 ``(n, H, W, 3)``.
        settings: How.

    Raises:
        ValueError: More than 255 clusters are asked for.
        TooFewColors: The image has fewer distinct pixels than clusters are asked for.
    """
    settings = settings or ClusterSettings()
    if settings.clusters > 255:
        raise ValueError(f'Expected `clusters` to be 255 or fewer, but got {settings.clusters}.')
    count, height, width, _ = images.shape
    flat = images.reshape(count, -1, 3)
    chosen = _sample(flat, settings)
    centers = fit_centers(style_features(flat[:, chosen], settings.color_space), settings)
    distances = np.empty((height * width, settings.clusters), np.float32)
    step = max(1, _CHUNK // (3 * count))
    for start in range(0, height * width, step):
        part = style_features(flat[:, start : start + step], settings.color_space)
        distances[start : start + step] = _distances(part, centers)
    labels = distances.argmin(1)
    # Sizes, then first pixels: the numbers of the clusters say nothing of how they were found.
    sizes = np.bincount(labels, minlength=settings.clusters)
    first = [int((labels == k).argmax()) for k in range(settings.clusters)]
    order = np.lexsort((first, -sizes))
    rank = np.argsort(order)
    return StyleClusters(
        rank[labels].astype(np.uint8).reshape(height, width),
        distances[:, order].reshape(height, width, -1),
        centers[order],
    )


def fit_centers(features: np.ndarray, settings: ClusterSettings) -> np.ndarray:
    """Return the centres of k-means with the least sum of squared distances of all starts, float32 ``(k, D)``.

    Args:
        features: float32 ``(P, D)``, with k distinct rows at least.
        settings: How.
    """
    from sklearn.cluster import kmeans_plusplus

    wide: np.ndarray = features.astype(np.float64)
    best, least = features[: settings.clusters], np.inf
    for restart in range(settings.restarts):
        # Each start has its own stream, whatever the number of starts.
        state = np.random.RandomState([settings.seed, restart])
        start, _ = kmeans_plusplus(wide, settings.clusters, random_state=state)
        centers = _lloyd(features, start.astype(np.float32), settings)
        cost = float(np.square(_distances(features, centers).min(1), dtype=np.float64).sum())
        if cost < least:
            best, least = centers, cost
    return best


def _lloyd(features: np.ndarray, start: np.ndarray, settings: ClusterSettings) -> np.ndarray:
    backend = settings.backend
    if backend == 'auto':
        backend = 'faiss' if importlib.util.find_spec('faiss') is not None else 'sklearn'
    if backend == 'faiss':
        import faiss

        limits = dict(min_points_per_centroid=1, max_points_per_centroid=len(features))
        model = faiss.Kmeans(features.shape[1], len(start), niter=settings.iterations, seed=1, **limits)
        model.train(np.ascontiguousarray(features), init_centroids=start)
        return np.array(model.centroids, np.float32)
    from sklearn.cluster import KMeans

    fitted = KMeans(len(start), init=start, n_init=1, max_iter=settings.iterations, tol=0, algorithm='lloyd')
    return fitted.fit(features).cluster_centers_.astype(np.float32)


def _distances(features: np.ndarray, centers: np.ndarray) -> np.ndarray:
    squares = (features**2).sum(1)[:, None] - 2 * features @ centers.T + (centers**2).sum(1)
    return np.sqrt(np.maximum(squares, 0))


def _sample(flat: np.ndarray, settings: ClusterSettings) -> np.ndarray:
    """Return increasing indices of pixels to fit to, k distinct ones among them."""
    pixels = flat.shape[1]
    distinct = _distinct_pixels(flat, settings.clusters)
    if len(distinct) < settings.clusters:
        raise TooFewColors(
            f'Expected `clusters` to be at most {len(distinct)}, the number of distinct pixels in all styles, but got '
            f'{settings.clusters}; ask for fewer clusters.'
        )
    count = pixels if settings.max_points is None else min(pixels, settings.clusters * settings.max_points)
    drawn = np.random.default_rng(settings.seed).choice(pixels, count, replace=False)
    return np.union1d(drawn, distinct)


def _distinct_pixels(flat: np.ndarray, limit: int) -> list[int]:
    """Return where ``limit`` distinct pixels stand, or all there are if they are fewer."""
    found: dict[bytes, int] = {}
    for start in range(0, flat.shape[1], _PIXELS):
        part = np.ascontiguousarray(flat[:, start : start + _PIXELS].transpose(1, 0, 2)).reshape(-1, 3 * len(flat))
        _, places = np.unique(part.view(f'V{part.shape[1]}').ravel(), return_index=True)
        for place in np.sort(places):
            found.setdefault(part[place].tobytes(), start + int(place))
            if len(found) == limit:
                return list(found.values())
    return list(found.values())
