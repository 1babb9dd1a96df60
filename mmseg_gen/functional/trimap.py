"""The band along the borders of a label map, where a trimap score looks (Krähenbühl and Koltun, NIPS 2011)."""

from __future__ import annotations

import numpy as np

from .distances import inner_distance


def trimap_band(labels: np.ndarray, width: float) -> np.ndarray:
    """Return the pixels at most ``width`` pixels away from one of another label, bool ``(H, W)``.

    Distances are Euclidean between pixel centres, so that a straight border has a band of ``width`` pixels on
    each of its sides [ours; the style-mixing paper says only "a trimap of width 3 pixels"]. The border of the
    image is none. Ignored pixels are a label like any other here: on PASCAL VOC, where void runs along the
    objects, the band runs along the void, as in DeepLab's evaluation.

    Args:
        labels: Integers or bool ``(H, W)``.
        width: In pixels, at least 1.

    Raises:
        ValueError: ``labels`` is not two-dimensional, or ``width`` is below 1.

    Example:
        >>> trimap_band(np.array([[0, 0, 0, 1, 1, 1]]), 1).tolist()
        [[False, False, True, True, False, False]]
    """
    if labels.ndim != 2 or not labels.size:
        raise ValueError(f'Expected `labels` of shape (H, W), but got {labels.shape}.')
    if not width >= 1:
        raise ValueError(f'Expected `width` of at least 1 pixel, but got {width}.')
    present = np.unique(labels)
    band = np.zeros(labels.shape, bool)
    if len(present) == 1:
        return band
    for label in present:
        own = labels == label
        band |= own & (inner_distance(own) <= width)
    return band
