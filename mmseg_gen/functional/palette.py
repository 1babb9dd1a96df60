"""The colours of PASCAL VOC's index masks."""

from __future__ import annotations

import numpy as np

VOID_COLOR = (224, 224, 192)


def voc_palette() -> np.ndarray:
    """Return VOC's colour map, uint8 ``(256, 3)`` RGB: the bits of an index dealt to the channels in turn.

    Index 255, void, has the cream colour of VOC's files.

    Example:
        >>> voc_palette()[[0, 1, 15]].tolist()
        [[0, 0, 0], [128, 0, 0], [192, 128, 128]]
    """
    palette: np.ndarray = np.zeros((256, 3), np.int64)
    index = np.arange(256)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= ((index >> (3 * bit + channel)) & 1) << (7 - bit)
    palette[255] = VOID_COLOR
    return palette.astype(np.uint8)
