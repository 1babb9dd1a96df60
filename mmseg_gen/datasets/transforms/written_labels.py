"""How the label transforms hand on what they found."""

from __future__ import annotations

from typing import Any

import numpy as np


def write_labels(results: dict[str, Any], labels: np.ndarray, quality: dict[str, float]) -> dict[str, Any]:
    """Return ``results`` with a label map, named once in ``seg_fields``, and what is known of it.

    Args:
        results: Of a pipeline; changed in place.
        labels: uint8 ``(H, W)``.
        quality: Numbers by name.
    """
    results['gt_seg_map'], results['label_quality'] = labels, quality
    names = results.setdefault('seg_fields', [])
    if 'gt_seg_map' not in names:
        names.append('gt_seg_map')
    return results
