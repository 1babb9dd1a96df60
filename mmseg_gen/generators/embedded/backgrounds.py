"""Cluttered backgrounds in named colours: plain, horizon, striped and cloudy, with distractor boxes."""

from __future__ import annotations

import cv2
import numpy as np

COLORS: dict[str, tuple[int, int, int]] = {
    'red': (200, 52, 46), 'green': (64, 150, 66), 'blue': (54, 84, 190), 'yellow': (216, 192, 62),
    'white': (226, 226, 222), 'black': (44, 44, 50), 'orange': (222, 128, 42), 'purple': (134, 64, 152),
}  # fmt: skip
BACKGROUNDS = ('plain', 'horizon', 'striped', 'cloudy')


def smooth_noise(rng: np.random.Generator, size: int, cells: tuple[int, ...]) -> np.ndarray:
    """Return band-limited noise, ``(size, size)`` float32 near unit deviation, one octave per entry of ``cells``."""
    total = np.zeros((size, size), np.float32)
    for octave, count in enumerate(cells):
        grid = rng.standard_normal((count, count)).astype(np.float32)
        total += 0.6**octave * cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
    return total


def _mixing_map(rng: np.random.Generator, kind: str, size: int) -> np.ndarray:
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.cos(angle) * x + np.sin(angle) * y
    if kind == 'plain':
        return 0.2 * (ramp - ramp.min())
    if kind == 'horizon':
        return (y + 0.02 * np.sin(6 * x + angle) > rng.uniform(0.4, 0.75)).astype(np.float32)
    if kind == 'striped':
        return 0.5 + 0.5 * np.sin(2 * np.pi * rng.integers(2, 6) * ramp)
    return np.clip(0.5 + 0.35 * smooth_noise(rng, size, (3, 6)), 0, 1)


def draw_background(
    rng: np.random.Generator, kind: str, colors: tuple[str, str], size: int, num_boxes: int
) -> np.ndarray:
    """Return a background of the named kind and two named colours, ``(size, size, 3)`` float32 RGB in about [0, 255].

    Args:
        rng: Source of every random choice.
        kind: One of ``BACKGROUNDS``.
        colors: Names from ``COLORS``; a plain background shows the first only.
        size: Side in pixels.
        num_boxes: Number of distractor rectangles in unnamed colours.
    """
    first, second = (np.array(COLORS[c], np.float32) + rng.normal(0, 10, 3) for c in colors)
    mix = _mixing_map(rng, kind, size)[..., None]
    image = first * (1 - mix) + second * mix
    for _ in range(num_boxes):
        corner = rng.integers(0, size, 2)
        other = corner + rng.integers(size // 12, size // 4, 2)
        color = tuple(float(c) for c in rng.integers(40, 220, 3))
        image = cv2.rectangle(np.ascontiguousarray(image, np.float32), corner.tolist(), other.tolist(), color, -1)
    grain = smooth_noise(rng, size, (8, 16))[..., None] * rng.uniform(2, 7)
    return (image + grain + rng.standard_normal((size, size, 1)) * rng.uniform(0, 5)).astype(np.float32)
