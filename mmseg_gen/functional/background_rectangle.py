"""Rectangles of background, from which a model learns what a background is (fobadiffusion, App. B and E)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

# How a crop came about: a rectangle was drawn; none was found and the whole background serves; there is no background.
OUTCOMES = ('rectangle', 'whole_background', 'no_background')


@dataclass(frozen=True)
class Rectangle:
    """A rectangle of pixels; ``bottom`` and ``right`` are the first row and column outside."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def area(self) -> int:
        """Number of pixels."""
        return (self.bottom - self.top) * (self.right - self.left)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an array with."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True)
class RectangleSettings:
    """Which random rectangles are taken. The defaults are the authors', as shares of their 64 x 64 grid.

    Attributes:
        min_side: A side must exceed this share of the grid's.
        min_area: Least share of the grid's area.
        max_side: Not both sides may exceed this share.
        max_area: Greatest share of the area.
        min_background: Least share of the rectangle that is background, in (0, 1].
        tries: Draws before the whole background is taken.

    Raises:
        ValueError: A share is outside [0, 1], a least one exceeds the greatest, or ``tries`` is below 1.
    """

    min_side: float = 10 / 64
    min_area: float = 1 / 16
    max_side: float = 0.5
    max_area: float = 0.25
    min_background: float = 2 / 3
    tries: int = 100

    def __post_init__(self) -> None:
        for name in ('min_side', 'min_area', 'max_side', 'max_area', 'min_background'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f'Expected `{name}` in [0, 1], but got {getattr(self, name)}.')
        if self.min_area > self.max_area or self.min_side >= 1:
            raise ValueError(
                f'Expected `min_area` at most `max_area` and `min_side` below 1, but got {self.min_area}, '
                f'{self.max_area} and {self.min_side}.'
            )
        if self.tries < 1:
            raise ValueError(f'Expected `tries` to be 1 or more, but got {self.tries}.')


@dataclass(frozen=True)
class BackgroundCrop:
    """Where the loss of one training sample counts.

    Attributes:
        mask: Bool ``(H, W)``: rectangle and background; empty without background.
        outcome: One of ``OUTCOMES``.
    """

    mask: np.ndarray
    outcome: str


def draw_background_crop(
    foreground: np.ndarray, rng: np.random.Generator, settings: RectangleSettings | None = None
) -> BackgroundCrop:
    """Return a random rectangle without the object's pixels.

    Two corners are drawn from the background's pixels, both inside the rectangle, until it fits the settings.

    Args:
        foreground: Preliminary mask, bool ``(H, W)``.
        rng: Decides the draw.
        settings: None for the authors'.
    """
    settings = settings or RectangleSettings()
    background = ~np.asarray(foreground, bool)
    pixels = np.argwhere(background)
    if not len(pixels):
        return BackgroundCrop(background, 'no_background')
    for _ in range(settings.tries):
        corners = pixels[rng.integers(len(pixels), size=2)]
        (top, left), (bottom, right) = corners.min(0).tolist(), (corners.max(0) + 1).tolist()
        own = Rectangle(top, left, bottom, right)
        if _fits(own, background, settings):
            mask = np.zeros_like(background)
            mask[own.slices] = background[own.slices]
            return BackgroundCrop(mask, 'rectangle')
    return BackgroundCrop(background, 'whole_background')


def _fits(own: Rectangle, background: np.ndarray, settings: RectangleSettings) -> bool:
    sides = ((own.bottom - own.top) / background.shape[0], (own.right - own.left) / background.shape[1])
    area = own.area / background.size
    return (
        min(sides) > settings.min_side
        and settings.min_area <= area <= settings.max_area
        and min(sides) <= settings.max_side
        and background[own.slices].mean() >= settings.min_background
    )


def largest_rectangle(free: np.ndarray, min_side: int = 1) -> Rectangle | None:
    """Return the largest rectangle of set pixels, of equal ones the topmost, then the leftmost; None if there is none.

    Linear in the number of pixels: the largest rectangle under each row's histogram of heights.

    Args:
        free: Bool ``(H, W)``.
        min_side: Least height and width.

    Raises:
        ValueError: ``min_side`` is below 1.

    Example:
        >>> largest_rectangle(np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1]], bool))
        Rectangle(top=0, left=0, bottom=2, right=2)
    """
    if min_side < 1:
        raise ValueError(f'Expected `min_side` to be 1 or more, but got {min_side}.')
    best: Rectangle | None = None
    heights = np.zeros(free.shape[1], np.int64)
    for row, line in enumerate(np.asarray(free, bool)):
        heights = np.where(line, heights + 1, 0)
        for left, right, height in _under_histogram(heights.tolist()):
            own = Rectangle(row + 1 - height, left, row + 1, right)
            if min(height, right - left) >= min_side and (best is None or _order(own) < _order(best)):
                best = own
    return best


def _order(own: Rectangle) -> tuple[int, int, int]:
    return -own.area, own.top, own.left


def _under_histogram(heights: list[int]) -> Iterator[tuple[int, int, int]]:
    """Yield every rectangle under a histogram that no other holds, as ``(left, right, height)``."""
    open_bars: list[tuple[int, int]] = []
    for column, height in enumerate([*heights, 0]):
        left = column
        while open_bars and open_bars[-1][1] >= height:
            left, closed = open_bars.pop()
            yield left, column, closed
        if height:
            open_bars.append((left, height))
