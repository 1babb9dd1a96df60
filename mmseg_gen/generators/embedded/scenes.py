"""Procedural scenes with exact masks and captions: the photographs of the embedded world.

A scene is a pure function of its seed. Shape letters: S the canvas side in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .backgrounds import BACKGROUNDS, COLORS, draw_background, smooth_noise
from .shapes import SHAPES, Part

CLASSES: tuple[str, ...] = tuple(SHAPES)
SUPERSAMPLING = 2
_SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class SceneObject:
    """One object of a scene: its class, its colour's name and its share of the canvas's side."""

    name: str
    color: str
    scale: float


@dataclass(frozen=True)
class Scene:
    """A rendered scene.

    Attributes:
        image: ``(S, S, 3)`` uint8 RGB.
        labels: ``(S, S)`` uint8, 0 background, ``1 + CLASSES.index(name)`` for objects.
        objects: What was drawn, back to front.
        background: Kind of background, one of ``BACKGROUNDS``.
        background_colors: The colours a caption may name: one for a plain background, else two.
    """

    image: np.ndarray
    labels: np.ndarray
    objects: tuple[SceneObject, ...]
    background: str
    background_colors: tuple[str, ...]


def _placement(rng: np.random.Generator, scale: float, center: tuple[float, float], size: int) -> np.ndarray:
    angle, flip = np.deg2rad(rng.uniform(-12, 12)), 1 if rng.random() < 0.5 else -1
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale * size
    shift = np.array(center) * size
    linear = turn * np.array([[flip, 1], [flip, 1]])
    return np.concatenate([linear, (shift - linear @ (0.5, 0.5))[:, None]], 1)


def _draw_object(
    rng: np.random.Generator, image: np.ndarray, parts: list[Part], placement: np.ndarray, color: np.ndarray
) -> np.ndarray:
    """Paint the parts with shading and texture into ``image`` and return the object's coverage, bool ``(S, S)``."""
    size = len(image)
    coverage = np.zeros((size, size), np.uint8)
    paint = np.zeros_like(image)
    for points, tone in parts:
        moved = points @ placement[:, :2].T + placement[:, 2]
        fixed = np.round(moved * (1 << _SUBPIXEL_BITS)).astype(np.int32)
        rgb = color * tone if isinstance(tone, float) else np.array(tone, np.float32)
        cv2.fillPoly(coverage, [fixed], 1, shift=_SUBPIXEL_BITS)
        cv2.fillPoly(paint, [fixed], rgb.tolist(), shift=_SUBPIXEL_BITS)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    light = 1.0 - 0.12 * (x + y) * rng.uniform(0.3, 1.0)
    texture = smooth_noise(rng, size, (6, 12)) * rng.uniform(2, 8)
    inside = coverage > 0
    image[inside] = (paint * light[..., None] + texture[..., None])[inside]
    return inside


def _choose_objects(rng: np.random.Generator, names: list[str], colors: list[str]) -> list[SceneObject]:
    low, high = (0.55, 0.92) if len(names) == 1 else (0.42, 0.58)
    return [SceneObject(n, str(rng.choice(colors)), float(rng.uniform(low, high))) for n in names]


def _centers(rng: np.random.Generator, objects: list[SceneObject]) -> list[tuple[float, float]]:
    """Draw centres that keep objects on the canvas; two objects go to opposite halves, so neither hides the other."""
    if len(objects) == 1:
        room = 0.55 * (1 - objects[0].scale) + 0.04
        return [tuple(0.5 + rng.uniform(-room, room, 2))]
    order = rng.permutation(len(objects))
    step = 1 / max(len(objects), 1)
    return [(step * (order[i] + 0.5) + rng.uniform(-0.03, 0.03), rng.uniform(0.32, 0.68)) for i in range(len(objects))]


def render_scene(
    seed: int | np.random.Generator, size: int = 64, names: list[str] | tuple[str, ...] | None = None
) -> Scene:
    """Render one scene.

    Args:
        seed: The scene is a pure function of it (or of the generator's state) and of the other arguments.
        size: Canvas side S in pixels.
        names: Classes to draw, from ``CLASSES``; None draws a random one (62 %), two (30 %) or none (8 %).

    Raises:
        ValueError: A name is not in ``CLASSES``.
    """
    rng = np.random.default_rng(seed)
    if names is None:
        count = int(rng.choice(3, p=[0.08, 0.62, 0.30]))
        names = [CLASSES[i] for i in rng.choice(len(CLASSES), count, replace=False)]
    for name in names:
        if name not in SHAPES:
            raise ValueError(f'Expected `names` from {", ".join(CLASSES)}, but got {name!r}.')
    kind = str(rng.choice(BACKGROUNDS))
    shown = [str(c) for c in rng.choice(list(COLORS), 2, replace=False)]
    if kind == 'plain':
        shown[1] = shown[0]
    # An object in its background's colour could not be seen, let alone masked.
    free = [c for c in COLORS if c not in shown]
    objects = _choose_objects(rng, list(names), free)
    canvas = size * SUPERSAMPLING
    image = draw_background(rng, kind, (shown[0], shown[1]), canvas, int(rng.integers(0, 3)))
    coverage = np.zeros((len(objects), canvas, canvas), np.float32)
    for i, (item, center) in enumerate(zip(objects, _centers(rng, objects), strict=False)):
        color = np.array(COLORS[item.color], np.float32) + rng.normal(0, 8, 3)
        placement = _placement(rng, item.scale, center, canvas)
        inside = _draw_object(rng, image, SHAPES[item.name](rng), placement, color)
        coverage[:i, inside] = 0
        coverage[i] = inside
    image = cv2.resize(np.clip(image, 0, 255).astype(np.uint8), (size, size), interpolation=cv2.INTER_AREA)
    labels = np.zeros((size, size), np.uint8)
    for item, cover in zip(objects, coverage, strict=False):
        labels[cv2.resize(cover, (size, size), interpolation=cv2.INTER_AREA) >= 0.5] = 1 + CLASSES.index(item.name)
    return Scene(image, labels, tuple(objects), kind, tuple(dict.fromkeys(shown)))


def _with_article(noun: str) -> str:
    return f'an {noun}' if noun[0] in 'aeiou' else f'a {noun}'


def describe_scene(scene: Scene, seed: int | np.random.Generator) -> str:
    """Return a caption of the scene that drops details at random.

    Captions that name only the object teach the model to read it from any token; naming the background too, and
    several objects, is what grounds a word in its place (ours; see the model card).
    """
    rng = np.random.default_rng(seed)
    named = [_with_article(f'{o.color} {o.name}' if rng.random() < 0.6 else o.name) for o in scene.objects]
    order = rng.permutation(len(named))
    subject = ' and '.join(named[i] for i in order)
    background = _with_article(f'{" ".join(scene.background_colors)} {scene.background} background')
    detail = rng.random()
    if not named:
        return f'a photo of {background}' if detail < 0.7 else 'a photo of a background'
    if detail < 0.3:
        return f'a photo of {subject}'
    if detail < 0.45:
        return f'a photo of {subject} on a {scene.background} background'
    return f'a photo of {subject} on {background}'
