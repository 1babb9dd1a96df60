"""Read label maps as they are stored, and renumber them as MMSegmentation does.

Shape letters: H, W the map's size.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from mmseg_gen.errors import UserError

IGNORED = 255


def decode_labels(content: bytes, path: str | os.PathLike[str]) -> np.ndarray:
    """Return what an image file stores, without turning palette indices into colours.

    Args:
        content: Bytes of the file.
        path: Named in errors.

    Returns:
        ``(H, W)`` for grey and palette images, integers of the file's depth; ``(H, W, channels)`` for colours.

    Raises:
        UserError: The file is not an image, or is truncated.
    """
    return _decoded(content, path)[0]


def decode_with_palette(content: bytes, path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray | None]:
    """Return what :func:`decode_labels` and :func:`stored_palette` do, decoding the file once."""
    pixels, image = _decoded(content, path)
    return pixels, _palette(image)


def _decoded(content: bytes, path: str | os.PathLike[str]) -> tuple[np.ndarray, Image.Image]:
    try:
        with Image.open(io.BytesIO(content)) as opened:
            opened.load()
            pixels = np.asarray(opened)
    except (OSError, SyntaxError, EOFError, ValueError) as error:
        # Pillow's own words would name an object in memory.
        reason = 'no image format that Pillow knows' if isinstance(error, UnidentifiedImageError) else error
        raise UserError(
            f'Expected a readable label map, but got {path}: replace the file or leave its image out ({reason}).'
        ) from error
    return pixels.astype(np.uint8) if pixels.dtype == bool else pixels, opened


def stored_palette(content: bytes) -> np.ndarray | None:
    """Return the colours of a palette image, uint8 ``(K, 3)`` RGB; None for others.

    Args:
        content: Bytes of a file that :func:`decode_labels` can read.
    """
    with Image.open(io.BytesIO(content)) as opened:
        return _palette(opened)


def _palette(image: Image.Image) -> np.ndarray | None:
    if image.mode != 'P':
        return None
    image.load()
    # The bytes as they are where there is no opacity: a list of 768 numbers takes longer than all checks of a map.
    colors = image.palette.tobytes() if image.palette.mode == 'RGB' else bytes(image.getpalette('RGB'))
    return np.frombuffer(colors, np.uint8).reshape(-1, 3)


def present_labels(labels: np.ndarray) -> np.ndarray:
    """Return the values that occur, ascending; several times quicker than ``numpy.unique`` on bytes.

    >>> present_labels(np.array([[3, 0], [255, 3]], np.uint8)).tolist()
    [0, 3, 255]
    """
    if labels.dtype == np.uint8 and labels.size:
        flat = np.ascontiguousarray(labels).reshape(-1)
        return np.flatnonzero(cv2.calcHist([flat], [0], None, [256], [0, 256]))
    return np.unique(labels)


def relabel(
    labels: np.ndarray, *, reduce_zero_label: bool = False, label_map: Mapping[int, int] | None = None
) -> np.ndarray:
    """Return the labels renumbered as MMSegmentation's ``LoadAnnotations`` does.

    Args:
        labels: uint8 ``(H, W)``; 255 is ignored and stays.
        reduce_zero_label: 0 becomes 255, every other label one less.
        label_map: New label by old one, after the reduction; labels that it lacks stay.

    >>> relabel(np.array([[0, 1, 2, 255]], np.uint8), reduce_zero_label=True).tolist()
    [[255, 0, 1, 255]]
    """
    if not reduce_zero_label and label_map is None:
        return labels
    reduced = np.arange(256, dtype=np.int64)
    if reduce_zero_label:
        reduced = np.where((reduced == 0) | (reduced == IGNORED), IGNORED, reduced - 1)
    table = reduced.copy()
    for old, new in (label_map or {}).items():
        table[reduced == old] = new
    return cv2.LUT(labels, table.astype(np.uint8))
