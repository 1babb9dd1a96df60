"""COCO's run-length code of a binary mask, without pycocotools.

Runs alternate background, foreground, beginning with background, down the columns. Source of the compressed
form: ``rleToString`` of the COCO API (a delta to the run two before, 5 bits a character, from ASCII 48).
Shape letters: H, W the image; h, w a crop of it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def run_lengths(mask: np.ndarray, size: tuple[int, int] | None = None, offset: tuple[int, int] = (0, 0)) -> np.ndarray:
    """Return the lengths of the runs of an image that is background outside a crop, int64 ``(R,)``.

    Args:
        mask: Bool crop ``(h, w)``.
        size: ``(H, W)`` of the image; None: the crop is the image.
        offset: Row and column of the crop's first pixel in the image.

    Raises:
        ValueError: The crop is not two-dimensional or does not fit in the image.

    Example:
        >>> run_lengths(np.array([[False, True], [True, True]])).tolist()
        [1, 3]
    """
    mask = np.asarray(mask, bool)
    height, width = size or mask.shape
    top, left = offset
    fits = mask.ndim == 2 and min(offset) >= 0 and top + mask.shape[0] <= height and left + mask.shape[1] <= width
    if not fits:
        raise ValueError(f'Expected `mask` within {(height, width)} from {offset}, but got shape {mask.shape}.')
    # Changes down each column, in reading order of the columns; a zero row on either side closes every run.
    padded: np.ndarray = np.zeros((mask.shape[1], mask.shape[0] + 2), np.int8)
    padded[:, 1:-1] = mask.T
    steps = padded[:, 1:] - padded[:, :-1]
    (first, start), (last, stop) = np.nonzero(steps == 1), np.nonzero(steps == -1)
    starts, stops = (first + left) * height + start + top, (last + left) * height + stop + top
    joined = np.flatnonzero(starts[1:] == stops[:-1])  # runs that go on at the top of the next column
    starts, stops = np.delete(starts, joined + 1), np.delete(stops, joined)
    counts = np.diff(np.concatenate([[0], np.stack([starts, stops], 1).ravel(), [height * width]]))
    return counts if counts[-1] or len(counts) == 1 else counts[:-1]


def compress_runs(counts: Iterable[int]) -> str:
    """Return run lengths as COCO's compressed ASCII text.

    Example:
        >>> compress_runs([1, 3])
        '13'
    """
    values = [int(count) for count in counts]
    text = bytearray()
    for index, value in enumerate(values):
        rest = value - values[index - 2] if index > 2 else value
        more = True
        while more:
            bits = rest & 0x1F
            rest >>= 5
            more = rest != (-1 if bits & 0x10 else 0)
            text.append(48 + (bits | 0x20 if more else bits))
    return text.decode('ascii')
