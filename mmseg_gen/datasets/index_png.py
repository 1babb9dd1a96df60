"""Index PNGs with the colours of Pascal VOC."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from mmseg_gen.functional.palette import voc_palette


def encode_index_png(labels: np.ndarray) -> bytes:
    """Return a palette PNG of labels, stored as they are; the colours are for the eye.

    Args:
        labels: uint8 ``(H, W)``.

    Raises:
        ValueError: ``labels`` is of another type or shape.
    """
    if labels.dtype != np.uint8 or labels.ndim != 2 or labels.size == 0:
        raise ValueError(f'Expected `labels` as uint8 (H, W), but got {labels.dtype} {labels.shape}.')
    image = Image.fromarray(labels)
    image.putpalette(voc_palette().tobytes())
    stream = io.BytesIO()
    image.save(stream, 'PNG')
    return stream.getvalue()
