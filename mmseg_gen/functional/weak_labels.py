"""Coarse probabilities from a box, points or a scribble: inputs of a refinement where nobody drew a mask."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from .canvas import check_image
from .coarsening import soften_mask

_COLOR_SCALE = 255.0


def box_probability(size: tuple[int, int], box: Sequence[float], width: float) -> np.ndarray:
    """Return the probability that a pixel belongs to the object in a box, float32 ``(H, W)``.

    The ellipse inside the box, which fills 79 % of it: an object seldom reaches the corners. Softened at its edge.

    Args:
        size: H and W.
        box: ``x1, y1, x2, y2`` in pixels, half-open.
        width: See :func:`soften_mask`.

    Raises:
        ValueError: The box is empty or holds no pixel.
    """
    x1, y1, x2, y2 = box
    if not (x1 < x2 and y1 < y2):
        raise ValueError(f'Expected `box` as x1 < x2, y1 < y2, but got {list(box)}.')
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    across, down = (columns - (x1 + x2) / 2) / (x2 - x1), (rows - (y1 + y2) / 2) / (y2 - y1)
    inside = across**2 + down**2 <= 0.25
    if not inside.any():
        raise ValueError(f'Expected `box` inside the image of {size[0]} x {size[1]}, but got {list(box)}.')
    return soften_mask(inside, width)


def scribble_probability(
    image: np.ndarray, foreground: np.ndarray, background: np.ndarray | None = None, color_weight: float = 10.0
) -> np.ndarray:
    """Return how much nearer a pixel is to the foreground's marks than to the background's, float32 ``(H, W)``.

    Distances are geodesic: a step costs its length, and more where colours change. S = d_b / (d_f + d_b).

    Args:
        image: RGB uint8 ``(H, W, 3)``.
        foreground: Marked pixels, bool ``(H, W)``.
        background: Likewise; None marks the image's border.
        color_weight: Cost of a change of colour by the full range of one channel, in pixels of its step.

    Raises:
        ValueError: A shape does not fit, nothing is marked, or a pixel is marked as both.
    """
    check_image(image)
    size, foreground = image.shape[:2], np.asarray(foreground, bool)
    if foreground.shape != size:
        raise ValueError(f'Expected `foreground` marks of shape {size}, but got {foreground.shape}.')
    if background is None:
        background = np.ones(size, bool)
        background[1:-1, 1:-1] = False
        background &= ~foreground
    background = np.asarray(background, bool)
    for name, marks in (('foreground', foreground), ('background', background)):
        if marks.shape != size or not marks.any():
            raise ValueError(
                f'Expected `{name}` marks of shape {size}, at least one, but got {np.count_nonzero(marks)} of shape '
                f'{marks.shape}.'
            )
    if (foreground & background).any():
        raise ValueError('Expected marks of the foreground or of the background, but some pixels are both.')
    graph = _color_graph(image, color_weight)
    near, far = (
        dijkstra(graph, directed=False, indices=np.flatnonzero(m), min_only=True) for m in (foreground, background)
    )
    return (far / (near + far)).reshape(size).astype(np.float32)


def point_marks(size: tuple[int, int], points: Sequence[Sequence[int]], radius: int = 1) -> np.ndarray:
    """Return discs around points as marks for :func:`scribble_probability`, bool ``(H, W)``.

    Args:
        size: H and W.
        points: ``x, y`` in pixels.
        radius: Of the discs.

    Raises:
        ValueError: There is no point, or one is outside the image.
    """
    if not len(points) or any(not (0 <= x < size[1] and 0 <= y < size[0]) for x, y in points):
        raise ValueError(f'Expected `points` inside the image of {size[0]} x {size[1]}, but got {list(points)}.')
    rows, columns = np.indices(size)
    return np.any([(rows - y) ** 2 + (columns - x) ** 2 <= radius**2 for x, y in points], axis=0)


def _color_graph(image: np.ndarray, color_weight: float) -> csr_matrix:
    """Return the 8-neighbour graph of the pixels with the cost of each step, ``(H W, H W)``."""
    height, width = image.shape[:2]
    colors, index = image.astype(np.float64) / _COLOR_SCALE, np.arange(height * width).reshape(height, width)
    starts, ends, costs = [], [], []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = np.s_[: height - dy, max(0, -dx) : width - max(0, dx)]
        there = np.s_[dy:, max(0, dx) : width - max(0, -dx)]
        change = np.linalg.norm(colors[here] - colors[there], axis=-1)
        starts.append(index[here].ravel())
        ends.append(index[there].ravel())
        costs.append((np.hypot(dy, dx) * (1 + color_weight * change)).ravel())
    entries = np.concatenate(costs), (np.concatenate(starts), np.concatenate(ends))
    return csr_matrix(entries, shape=(index.size, index.size))
