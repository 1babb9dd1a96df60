"""What a data set of masks looks like: DiffusionSeg's shape, size, contrast and centre statistics (Sec. 4.3, 6.1.3).

Shape letters: H, W the image; P vertices of a polygon; N masks; G the side of the grid of the centre map.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np

from .boxes import mask_box
from .canvas import check_image
from .morphology import largest_component
from .outlines import pair_distances, polygon_length, unit_polygon

COLOR_BINS = 8
GRID = 32


@dataclass(frozen=True, eq=False)
class MaskStatistics:
    """One image's numbers; an empty mask has an empty polygon, no centre, and NaN where a number needs an object.

    Attributes:
        object_size: Foreground's share of the image, in [0, 1].
        shape_complexity: SC, the number of vertices of the simplified outline.
        polygon_length: PL, the length of the closed outline in the unit square.
        color_contrast: Chi-squared distance of the colours of foreground and background, in [0, 1]; NaN too where
            one of them is empty, or without image.
        center: x and y of the middle of the object's box as shares of width and height, or None.
        polygon: Vertices of the outline in the unit square, float32 ``(P, 2)``.
        coverage: Share of each cell of a G x G grid over the image that is foreground, float32 ``(G, G)``.
    """

    object_size: float
    shape_complexity: float
    polygon_length: float
    color_contrast: float
    center: tuple[float, float] | None
    polygon: np.ndarray
    coverage: np.ndarray


@dataclass(frozen=True, eq=False)
class DataSetStatistics:
    """The numbers of N masks that show an object, in the order they came.

    Attributes:
        object_size: ``(N,)``.
        shape_complexity: ``(N,)``.
        polygon_length: ``(N,)``.
        color_contrast: ``(N,)``; NaN where undefined.
        centers: ``(N, 2)``, x and y.
        center_distance: Distance of each from the image's middle, 0 to 1 in the corner, ``(N,)``.
        center_map: Mean coverage, float64 ``(G, G)`` in [0, 1].
        pair_distances: Chamfer distance of pairs of outlines, ``(pairs,)``; their mean is the shape diversity.
        empty: Number of masks without object, which no other number counts.
    """

    object_size: np.ndarray
    shape_complexity: np.ndarray
    polygon_length: np.ndarray
    color_contrast: np.ndarray
    centers: np.ndarray
    center_map: np.ndarray
    pair_distances: np.ndarray
    empty: int
    center_distance: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        """Derive the distances of the centres."""
        distance = np.hypot(*(2 * self.centers - 1).T) / math.sqrt(2)
        object.__setattr__(self, 'center_distance', distance)

    @property
    def shape_diversity(self) -> float:
        """SD, the mean Chamfer distance of two outlines; NaN for fewer than two."""
        return float(self.pair_distances.mean()) if self.pair_distances.size else float('nan')


def mask_statistics(image: np.ndarray | None, mask: np.ndarray) -> MaskStatistics:
    """Return the numbers of one image.

    Outline, box and centre are those of the largest 8-connected component [ours; the paper's images have one
    object]. Size, contrast and coverage take the whole mask.

    Args:
        image: RGB uint8 ``(H, W, 3)``; None leaves out the colour contrast.
        mask: Bool ``(H, W)``.

    Raises:
        TypeError: ``mask`` is not bool, or ``image`` not uint8.
        ValueError: The sizes differ, or there is no pixel.
    """
    if mask.dtype != bool:
        raise TypeError(f'Expected `mask` to be a bool array, but got {mask.dtype}.')
    if mask.ndim != 2 or not mask.size:
        raise ValueError(f'Expected `mask` of shape (H, W), but got {mask.shape}.')
    if image is not None:
        check_image(image)
        if image.shape[:2] != mask.shape:
            raise ValueError(f'Expected `image` of the size of `mask`, {mask.shape}, but got {image.shape[:2]}.')
    component = largest_component(mask)
    polygon = unit_polygon(component)
    box = mask_box(component)
    return MaskStatistics(
        object_size=float(mask.mean()),
        shape_complexity=float(len(polygon)) if len(polygon) else float('nan'),
        polygon_length=polygon_length(polygon) if len(polygon) else float('nan'),
        color_contrast=float('nan') if image is None else color_contrast(image, mask),
        center=None if box is None else _center(box, mask.shape),
        polygon=polygon,
        coverage=_coverage(mask),
    )


def data_set_statistics(
    masks: Iterable[MaskStatistics], *, max_pairs: int = 20_000, seed: int = 0
) -> DataSetStatistics:
    """Return the numbers of a data set; of each mask only its outline and a few numbers are held.

    Args:
        masks: From :func:`mask_statistics`; those without object are counted as ``empty`` and left out.
        max_pairs: Shape diversity takes all pairs of outlines up to this many, else this many drawn at random
            (all pairs of the paper's 50 000 masks would be 1.2e9).
        seed: Seed of the drawing.

    Raises:
        ValueError: No mask shows an object, or ``max_pairs`` is below 1.
    """
    if max_pairs < 1:
        raise ValueError(f'Expected `max_pairs` of at least 1, but got {max_pairs}.')
    rows, centers, polygons, empty = [], [], [], 0
    coverage: np.ndarray = np.zeros((GRID, GRID))
    for one in masks:
        if one.center is None:
            empty += 1
            continue
        rows.append((one.object_size, one.shape_complexity, one.polygon_length, one.color_contrast))
        centers.append(one.center)
        polygons.append(one.polygon)
        coverage += one.coverage
    if not rows:
        raise ValueError(f'Expected at least one mask that shows an object, but got {empty} empty ones.')
    size, complexity, length, contrast = np.array(rows).T
    return DataSetStatistics(
        object_size=size,
        shape_complexity=complexity,
        polygon_length=length,
        color_contrast=contrast,
        centers=np.array(centers),
        center_map=coverage / len(rows),
        pair_distances=pair_distances(polygons, max_pairs, seed),
        empty=empty,
    )


def color_contrast(image: np.ndarray, mask: np.ndarray) -> float:
    """Return the chi-squared distance of the colour histograms of foreground and background, in [0, 1].

    ``1/2 sum (f - b)^2 / (f + b)`` over joint RGB histograms of 8 x 8 x 8 bins that sum to 1: 0 for equal colours, 1
    where no bin is shared. The measure is that of Li et al. (CVPR 2014); the paper names none, the bins are ours.
    NaN where the foreground or the background is empty.

    Args:
        image: RGB uint8 ``(H, W, 3)``.
        mask: Bool ``(H, W)``.
    """
    if mask.all() or not mask.any():
        return float('nan')
    sides = [_color_histogram(image, side) for side in (mask, ~mask)]
    both = sides[0] + sides[1]
    squares = (sides[0] - sides[1]) ** 2
    return float(0.5 * (squares[both > 0] / both[both > 0]).sum())


def _coverage(mask: np.ndarray) -> np.ndarray:
    # OpenCV takes means over area only where both sides shrink; pixels cut into equal parts have the same means.
    down, across = (math.ceil(GRID / side) for side in mask.shape)
    fine: np.ndarray = mask.astype(np.float32).repeat(down, 0).repeat(across, 1)
    return cv2.resize(fine, (GRID, GRID), interpolation=cv2.INTER_AREA)


def _color_histogram(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    counts = cv2.calcHist([image], [0, 1, 2], mask.astype(np.uint8), [COLOR_BINS] * 3, [0, 256] * 3)
    counts = counts.astype(np.float64)
    return counts / counts.sum()


def _center(box: np.ndarray, size: tuple[int, ...]) -> tuple[float, float]:
    x1, y1, x2, y2 = (float(v) for v in box)
    return (x1 + x2) / 2 / size[1], (y1 + y2) / 2 / size[0]
