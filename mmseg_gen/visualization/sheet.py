"""Draw sheets of small pictures in one image: a row for each sample, a title over each column.

Shape letters: S the side of a tile in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

GAP = 4
TITLE_HEIGHT = 20
_FONT, _FONT_SCALE, _GREY, _WHITE = cv2.FONT_HERSHEY_SIMPLEX, 0.42, (96, 96, 96), 255


def heat_map(values: np.ndarray) -> np.ndarray:
    """Return a map as ``(H, W, 3)`` uint8 RGB in the colours of viridis, stretched to its range.

    Args:
        values: ``(H, W)`` finite; a constant map comes out in the lowest colour.

    Raises:
        ValueError: The map is not two-dimensional or not finite.
    """
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(f'Expected `values` to be a finite (H, W) map, but got shape {values.shape}.')
    low, high = float(values.min()), float(values.max())
    unit = (values - low) / (high - low) if high > low else np.zeros(values.shape)
    colors = cv2.applyColorMap(np.round(unit * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS)
    return cv2.cvtColor(colors, cv2.COLOR_BGR2RGB)


def tile(picture: np.ndarray, side: int) -> np.ndarray:
    """Return a picture as an ``(S, S, 3)`` uint8 RGB tile: scaled to fit, centred on white.

    Args:
        picture: ``(H, W, 3)`` uint8 RGB, ``(H, W)`` bool or uint8 grey, or ``(H, W)`` float (a heat map).
        side: S.

    Raises:
        ValueError: The picture has another shape.
    """
    if picture.ndim == 2:
        picture = _in_color(picture)
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise ValueError(f'Expected a picture of shape (H, W) or (H, W, 3), but got {picture.shape} {picture.dtype}.')
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Small pictures keep their pixels visible.
    resized = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST_EXACT)
    canvas = np.full((side, side, 3), _WHITE, np.uint8)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    canvas[top : top + size[1], left : left + size[0]] = resized
    return canvas


def _in_color(picture: np.ndarray) -> np.ndarray:
    if picture.dtype.kind == 'f':
        return heat_map(picture)
    grey = picture.astype(np.uint8) * 255 if picture.dtype == bool else picture
    return np.repeat(grey[..., None], 3, axis=-1)


def picture_sheet(rows: Sequence[Sequence[np.ndarray]], titles: Sequence[str] = (), *, side: int = 128) -> np.ndarray:
    """Return one uint8 RGB image of all rows, with a title over each column.

    Args:
        rows: Pictures as `tile` takes them, the same number in every row.
        titles: One for each column, or none at all.
        side: Side of a tile in pixels.

    Raises:
        ValueError: There are no rows, or the rows or titles differ in number of columns.
    """
    columns = len(rows[0]) if rows else 0
    if columns == 0:
        raise ValueError('Expected at least one row with one picture, but got none.')
    lengths = {len(row) for row in rows} | ({len(titles)} if titles else set())
    if lengths != {columns}:
        raise ValueError(f'Expected {columns} columns in every row and in `titles`, but got {sorted(lengths)}.')
    top = TITLE_HEIGHT if titles else 0
    step = side + GAP
    sheet = np.full((top + GAP + len(rows) * step, GAP + columns * step, 3), _WHITE, np.uint8)
    for index, title in enumerate(titles):
        _write(sheet, title, left=GAP + index * step, width=side)
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            y0, x0 = top + GAP + y * step, GAP + x * step
            sheet[y0 : y0 + side, x0 : x0 + side] = tile(picture, side)
    return sheet


def _write(sheet: np.ndarray, title: str, *, left: int, width: int) -> None:
    needed = cv2.getTextSize(title, _FONT, _FONT_SCALE, 1)[0][0]
    scale = _FONT_SCALE * min(1.0, width / max(needed, 1))
    cv2.putText(sheet, title, (left, TITLE_HEIGHT - 5), _FONT, scale, _GREY, 1, cv2.LINE_AA)
