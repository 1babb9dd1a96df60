"""Training-free masks from the same evidence as AttentionCut (DiffusionSeg, Tab. 5, and a threshold).

Each takes ``(evidence, image, ...)`` with the image RGB uint8 ``(H, W, 3)`` and returns a bool mask ``(H,
W)``. The paper gives no settings; all defaults are ours.
"""

from __future__ import annotations

import numpy as np

from .attention_cut import geodesic_similarity, resize_affinity
from .canvas import check_image, color_planes, limited_size, resize_map, resize_mask
from .crf import CrfSettings, dense_crf
from .cut_settings import CutSettings
from .evidence import Evidence, cross_map
from .normalized_cut import normalized_cut
from .objectness import evidence_objectness


def threshold_mask(evidence: Evidence, image: np.ndarray, *, top_k: int = 2, threshold: float = 0.5) -> np.ndarray:
    """Return where the upsampled class map exceeds a threshold.

    Args:
        evidence: Attention of one sample.
        image: Gives the size only.
        top_k: Layers averaged into the class map.
        threshold: In [0, 1].
    """
    check_image(image)
    return resize_map(cross_map(evidence, top_k), image.shape[:2]) > threshold


def kmeans_mask(
    evidence: Evidence,
    image: np.ndarray,
    *,
    top_k: int = 2,
    clusters: int = 2,
    map_weight: float = 1.0,
    max_side: int = 256,
    seed: int = 0,
) -> np.ndarray:
    """Return the k-means cluster, in colour and attention, whose class map is highest on average.

    Args:
        evidence: Attention of one sample.
        image: RGB uint8.
        top_k: Layers averaged into the class map.
        clusters: Number of clusters, at least 2.
        map_weight: Factor on the class map and on the seed map, both in [0, 1]; the colour is CIELAB / 100.
        max_side: Larger images are clustered at this longer side.
        seed: Seed of k-means++ and of its 4 restarts.
    """
    from sklearn.cluster import KMeans

    check_image(image)
    grid = limited_size(image.shape[:2], max_side)
    maps = [resize_map(array, grid) for array in (cross_map(evidence, top_k), evidence.seed_map)]
    colors = color_planes(resize_map(image, grid))
    features = np.concatenate([colors, map_weight * np.stack(maps, -1)], -1).reshape(-1, 5)
    distinct = len(np.unique(features, axis=0))
    if distinct < 2:
        return np.zeros(image.shape[:2], bool)
    model = KMeans(min(clusters, distinct), n_init=4, random_state=seed)
    labels = model.fit_predict(features.astype(np.float64))
    height = np.bincount(labels, maps[0].ravel()) / np.bincount(labels)
    return resize_mask((labels == height.argmax()).reshape(grid), image.shape[:2])


def normalized_cut_mask(
    evidence: Evidence,
    image: np.ndarray,
    *,
    top_k: int = 2,
    lambda_psi: float = 2.5,
    color_scale: float = 20.0,
    grid: str = 'attention',
    max_side: int = 128,
) -> np.ndarray:
    """Return the part, of a normalised cut in two, whose class map is higher on average.

    Args:
        evidence: Attention of one sample.
        image: RGB uint8.
        top_k: Layers averaged into the class map, which only tells foreground from background.
        lambda_psi: Weight of the colours against the self-attention of neighbours, as in AttentionCut.
        color_scale: Factor on CIELAB differences, as in AttentionCut.
        grid: 'attention', or 'image' for the image's grid with the self-attention upsampled.
        max_side: Longer side of that grid at most.
    """
    check_image(image)
    size = evidence.seed_map.shape if grid == 'attention' else limited_size(image.shape[:2], max_side)
    colors = color_planes(resize_map(image, size))
    affinity = np.maximum(resize_affinity(evidence.affinity, size), 0)
    part = normalized_cut(affinity + lambda_psi * geodesic_similarity(colors, color_scale))
    level = resize_map(cross_map(evidence, top_k), size)
    if part.all() or not part.any():
        return np.zeros(image.shape[:2], bool)
    if level[part].mean() < level[~part].mean():
        part = ~part
    return resize_mask(part, image.shape[:2])


def crf_mask(
    evidence: Evidence,
    image: np.ndarray,
    *,
    cut: CutSettings | None = None,
    crf: CrfSettings | None = None,
    max_side: int = 512,
) -> np.ndarray:
    """Return where a dense CRF, started at the calibrated objectness of AttentionCut, finds foreground.

    Args:
        evidence: Attention of one sample.
        image: RGB uint8.
        cut: Its ``top_k``, ``lambda_phi``, ``calibration`` and ``bias`` give the unary term.
        crf: Kernels of the CRF.
        max_side: Larger images are refined at this longer side.
    """
    check_image(image)
    grid = limited_size(image.shape[:2], max_side)
    u = evidence_objectness(evidence, grid, cut or CutSettings())
    refined = dense_crf(np.stack([1 - u, u]), resize_map(image, grid), crf)
    return resize_mask(refined[1] > refined[0], image.shape[:2])
