"""Draw matched points of two images, as G4Seg's Fig. 7 and 9 do: stars in the image, circles in the one made again.

Shape letters: M points, S the side of a tile in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mmseg_gen.visualization.overlay import overlay_mask
from mmseg_gen.visualization.sheet import picture_sheet

TITLES = ('image (stars)', 'made again (circles)', 'coarse mask', 'refined mask')
_BLACK = (0, 0, 0)


def point_colors(count: int) -> np.ndarray:
    """Return a colour for each of M points, evenly around the circle of hues, RGB uint8 ``(M, 3)``."""
    hues = np.linspace(0, 180, count, endpoint=False)
    hsv = np.stack([hues, np.full(count, 230.0), np.full(count, 255.0)], 1).astype(np.uint8)
    return cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0] if count else np.zeros((0, 3), np.uint8)


def draw_points(image: np.ndarray, points: np.ndarray, *, star: bool, side: int = 256) -> np.ndarray:
    """Return the image enlarged to a longer side of S, with its points marked in the colours of :func:`point_colors`.

    Args:
        image: RGB uint8 ``(H, W, 3)``; left as it is.
        points: Rows and columns as shares of the sides, in [0, 1], ``(M, 2)``.
        star: Mark by stars; else by circles.
        side: S.

    Raises:
        ValueError: ``points`` has another shape, or lies outside the image.
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not ((points >= 0) & (points <= 1)).all():
        raise ValueError(f'Expected `points` of shape (M, 2) in [0, 1], but got {points.shape}.')
    height, width = (max(1, round(length * side / max(image.shape[:2]))) for length in image.shape[:2])
    shrinks = side < max(image.shape[:2])
    canvas = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST_EXACT)
    size = max(3, side // 40)
    for (row, column), color in zip(points * (height, width), point_colors(len(points)).tolist(), strict=True):
        centre = (min(width - 1, int(column)), min(height - 1, int(row)))
        if star:
            cv2.drawMarker(canvas, centre, _BLACK, cv2.MARKER_STAR, 2 * size + 2, 3)
            cv2.drawMarker(canvas, centre, color, cv2.MARKER_STAR, 2 * size, 1)
        else:
            cv2.circle(canvas, centre, size // 2 + 2, _BLACK, -1)
            cv2.circle(canvas, centre, size // 2 + 1, color, -1)
    return canvas


def draw_correspondence(
    image: np.ndarray,
    generated: np.ndarray,
    places: np.ndarray,
    matches: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    *,
    side: int = 256,
) -> list[np.ndarray]:
    """Return the four pictures of a row: the image, the one made again, and the masks over the image.

    A point of the image made again and its match in the image have one colour.

    Args:
        image: RGB uint8 ``(H, W, 3)``.
        generated: RGB uint8 of any size.
        places: Points of the image made again, as shares of its sides, ``(M, 2)``.
        matches: Their matches in the image, likewise.
        before: Coarse mask, bool ``(H, W)``.
        after: Refined mask, likewise.
        side: S.

    Raises:
        ValueError: There is not one match for each point, or masks have another size than the image.
    """
    if len(places) != len(matches):
        raise ValueError(f'Expected one of `matches` for each of {len(places)} places, but got {len(matches)}.')
    masks = [overlay_mask(image, mask) for mask in (before, after)]
    return [
        draw_points(image, matches, star=True, side=side),
        draw_points(generated, places, star=False, side=side),
        *(draw_points(picture, np.zeros((0, 2)), star=True, side=side) for picture in masks),
    ]


def correspondence_sheet(rows: Sequence[Sequence[np.ndarray]], side: int = 256) -> np.ndarray:
    """Return rows of :func:`draw_correspondence` as one picture with titles, RGB uint8.

    Raises:
        ValueError: There are no rows.
    """
    return picture_sheet(rows, TITLES, side=side)
