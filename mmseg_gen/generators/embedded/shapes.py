"""Everyday objects as articulated polygons in the unit square.

A part is ``(points, tone)``: points ``(N, 2)`` as (x, y) in [0, 1] with y pointing down, and a tone that is either a
factor on the object's colour or a fixed RGB colour. Later parts cover earlier ones. ``rng`` moves the joints.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Tone = float | tuple[int, int, int]
Part = tuple[np.ndarray, Tone]

DARK, SHADE, BASE, LIGHT = 0.35, 0.72, 1.0, 1.25
WOOD, SKIN, LEAF, GLASS, PALE = (110, 74, 44), (226, 178, 146), (70, 140, 62), (178, 214, 232), (238, 236, 226)


def _polygon(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, np.float64)


def _box(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return _polygon((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def _ellipse(x: float, y: float, rx: float, ry: float, degrees: float = 0.0, arc: float = 360.0) -> np.ndarray:
    angles = np.deg2rad(np.linspace(0, arc, 28, endpoint=arc < 360))
    turn = np.deg2rad(degrees)
    dx, dy = rx * np.cos(angles), ry * np.sin(angles)
    return np.stack([x + dx * np.cos(turn) - dy * np.sin(turn), y + dx * np.sin(turn) + dy * np.cos(turn)], 1)


def _limb(x0: float, y0: float, x1: float, y1: float, width: float) -> np.ndarray:
    along = np.array([x1 - x0, y1 - y0])
    across = np.array([-along[1], along[0]]) / (np.hypot(*along) + 1e-9) * width / 2
    a, b = np.array([x0, y0]), np.array([x1, y1])
    return np.stack([a + across, b + across, b - across, a - across])


def _bird(rng: np.random.Generator) -> list[Part]:
    tail, wing = rng.uniform(-0.05, 0.05), rng.uniform(-12, 12)
    return [
        (_polygon((0.32, 0.5), (0.03, 0.58 + tail), (0.06, 0.70 + tail), (0.34, 0.66)), SHADE),
        (_limb(0.48, 0.68, 0.46, 0.9, 0.035), (205, 150, 50)),
        (_limb(0.57, 0.68, 0.58, 0.9, 0.035), (205, 150, 50)),
        (_ellipse(0.5, 0.54, 0.27, 0.19, -15), BASE),
        (_ellipse(0.74, 0.34, 0.14, 0.14), BASE),
        (_ellipse(0.44, 0.53, 0.18, 0.11, -20 + wing), SHADE),
        (_polygon((0.86, 0.29), (0.99, 0.37), (0.86, 0.42)), (235, 165, 40)),
        (_ellipse(0.78, 0.31, 0.028, 0.028), (25, 25, 28)),
    ]


def _boat(rng: np.random.Generator) -> list[Part]:
    lean = rng.uniform(-0.04, 0.04)
    return [
        (_box(0.47, 0.08, 0.51, 0.68), WOOD),
        (_polygon((0.53, 0.1), (0.87 + lean, 0.58), (0.53, 0.6)), PALE),
        (_polygon((0.45, 0.2), (0.45, 0.6), (0.16 + lean, 0.58)), (214, 212, 204)),
        (_polygon((0.04, 0.66), (0.96, 0.66), (0.8, 0.92), (0.2, 0.92)), BASE),
        (_polygon((0.04, 0.66), (0.96, 0.66), (0.93, 0.72), (0.08, 0.72)), SHADE),
    ]


def _car(rng: np.random.Generator) -> list[Part]:
    roof = rng.uniform(-0.04, 0.04)
    return [
        (_polygon((0.2, 0.48), (0.32 + roof, 0.24), (0.7 + roof, 0.24), (0.82, 0.48)), BASE),
        (_polygon((0.27, 0.47), (0.36 + roof, 0.29), (0.49, 0.29), (0.49, 0.47)), GLASS),
        (_polygon((0.53, 0.47), (0.53, 0.29), (0.67 + roof, 0.29), (0.75, 0.47)), GLASS),
        (_polygon((0.04, 0.48), (0.9, 0.46), (0.97, 0.54), (0.97, 0.71), (0.04, 0.71)), BASE),
        (_box(0.04, 0.62, 0.97, 0.71), SHADE),
        (_ellipse(0.25, 0.72, 0.12, 0.12), (38, 38, 42)),
        (_ellipse(0.76, 0.72, 0.12, 0.12), (38, 38, 42)),
        (_ellipse(0.25, 0.72, 0.055, 0.055), (168, 168, 172)),
        (_ellipse(0.76, 0.72, 0.055, 0.055), (168, 168, 172)),
    ]


def _cup(rng: np.random.Generator) -> list[Part]:
    band = rng.uniform(0.5, 0.58)
    outer, inner = _ellipse(0.72, 0.52, 0.22, 0.22, -90, 180), _ellipse(0.72, 0.52, 0.12, 0.12, -90, 180)
    return [
        (np.concatenate([outer, inner[::-1]]), SHADE),
        (_polygon((0.12, 0.2), (0.76, 0.2), (0.68, 0.9), (0.2, 0.9)), BASE),
        (_polygon((0.155, band), (0.725, band), (0.71, band + 0.14), (0.17, band + 0.14)), LIGHT),
        (_ellipse(0.44, 0.2, 0.32, 0.07), SHADE),
        (_ellipse(0.44, 0.21, 0.26, 0.045), DARK),
    ]


def _dog(rng: np.random.Generator) -> list[Part]:
    tail, step = rng.uniform(-0.08, 0.05), rng.uniform(-0.05, 0.05)
    return [
        (_limb(0.2, 0.46, 0.05, 0.24 + tail, 0.06), SHADE),
        (_limb(0.34, 0.6, 0.34 - step, 0.92, 0.08), SHADE),
        (_limb(0.62, 0.6, 0.62 + step, 0.92, 0.08), SHADE),
        (_limb(0.24, 0.58, 0.24 + step, 0.92, 0.09), BASE),
        (_limb(0.7, 0.58, 0.7 - step, 0.92, 0.09), BASE),
        (_ellipse(0.46, 0.53, 0.3, 0.15), BASE),
        (_ellipse(0.77, 0.32, 0.15, 0.13), BASE),
        (_ellipse(0.9, 0.38, 0.08, 0.06), LIGHT),
        (_polygon((0.64, 0.24), (0.6, 0.5), (0.74, 0.4), (0.72, 0.22)), DARK),
        (_ellipse(0.97, 0.36, 0.025, 0.025), (25, 25, 28)),
        (_ellipse(0.81, 0.28, 0.022, 0.022), (25, 25, 28)),
    ]


def _fish(rng: np.random.Generator) -> list[Part]:
    fin = rng.uniform(-0.05, 0.05)
    return [
        (_polygon((0.68, 0.5), (0.97, 0.26 + fin), (0.9, 0.5), (0.97, 0.74 + fin)), SHADE),
        (_polygon((0.32, 0.34), (0.52, 0.12), (0.62, 0.36)), SHADE),
        (_polygon((0.4, 0.66), (0.5, 0.84 + fin), (0.58, 0.64)), SHADE),
        (_ellipse(0.42, 0.5, 0.37, 0.22), BASE),
        (_ellipse(0.42, 0.57, 0.3, 0.12), LIGHT),
        (_limb(0.29, 0.34, 0.29, 0.66, 0.03), SHADE),
        (_ellipse(0.17, 0.45, 0.045, 0.045), PALE),
        (_ellipse(0.165, 0.45, 0.024, 0.024), (25, 25, 28)),
    ]


def _flower(rng: np.random.Generator) -> list[Part]:
    turn, bend = rng.uniform(0, 60), rng.uniform(-0.05, 0.05)
    angles = np.deg2rad(turn + 60 * np.arange(6))
    petals = [
        (
            _ellipse(0.5 + 0.21 * np.cos(a), 0.33 + 0.21 * np.sin(a), 0.14, 0.105, np.rad2deg(a)),
            BASE if i % 2 else SHADE,
        )
        for i, a in enumerate(angles)
    ]
    return [
        (_limb(0.5, 0.4, 0.5 + bend, 0.97, 0.06), LEAF),
        (_ellipse(0.37 + bend, 0.8, 0.13, 0.06, 25), LEAF),
        (_ellipse(0.64 + bend, 0.76, 0.13, 0.06, -25), LEAF),
        *petals,
        (_ellipse(0.5, 0.33, 0.115, 0.115), (236, 186, 48)),
    ]


def _house(rng: np.random.Generator) -> list[Part]:
    ridge = rng.uniform(-0.05, 0.05)
    return [
        (_box(0.7, 0.14, 0.79, 0.4), DARK),
        (_box(0.14, 0.46, 0.86, 0.93), BASE),
        (_polygon((0.04, 0.48), (0.5 + ridge, 0.1), (0.96, 0.48)), (142, 66, 52)),
        (_box(0.43, 0.63, 0.58, 0.93), WOOD),
        (_box(0.22, 0.57, 0.36, 0.73), GLASS),
        (_box(0.65, 0.57, 0.79, 0.73), GLASS),
    ]


def _person(rng: np.random.Generator) -> list[Part]:
    left, right, step = [*rng.uniform(-0.1, 0.12, 2).tolist(), rng.uniform(0, 0.05)]
    return [
        (_limb(0.44, 0.56, 0.4 - step, 0.97, 0.12), (52, 60, 92)),
        (_limb(0.56, 0.56, 0.6 + step, 0.97, 0.12), (52, 60, 92)),
        (_limb(0.38, 0.34, 0.2 + left, 0.6, 0.09), SHADE),
        (_limb(0.62, 0.34, 0.8 + right, 0.6, 0.09), SHADE),
        (_ellipse(0.2 + left, 0.61, 0.05, 0.05), SKIN),
        (_ellipse(0.8 + right, 0.61, 0.05, 0.05), SKIN),
        (_polygon((0.34, 0.3), (0.66, 0.3), (0.63, 0.62), (0.37, 0.62)), BASE),
        (_ellipse(0.5, 0.17, 0.125, 0.14), SKIN),
        (_ellipse(0.5, 0.1, 0.13, 0.085), (66, 44, 32)),
    ]


def _tree(rng: np.random.Generator) -> list[Part]:
    crown = rng.uniform(-0.04, 0.04)
    return [
        (_polygon((0.44, 0.55), (0.56, 0.55), (0.6, 0.97), (0.4, 0.97)), WOOD),
        (_ellipse(0.3 + crown, 0.46, 0.2, 0.17), SHADE),
        (_ellipse(0.71 + crown, 0.46, 0.2, 0.17), SHADE),
        (_ellipse(0.5 + crown, 0.3, 0.3, 0.25), BASE),
        (_ellipse(0.4 + crown, 0.22, 0.12, 0.09), LIGHT),
    ]


SHAPES: dict[str, Callable[[np.random.Generator], list[Part]]] = {
    'bird': _bird, 'boat': _boat, 'car': _car, 'cup': _cup, 'dog': _dog,
    'fish': _fish, 'flower': _flower, 'house': _house, 'person': _person, 'tree': _tree,
}  # fmt: skip
