"""The rendered scenes that every layout is made of. Shape letters: S the canvas's side, H, W a picture's size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mmseg_gen.generators.embedded.corpus import HELD_OUT_SEED
from mmseg_gen.generators.embedded.scenes import CLASSES, render_scene

# Held-out seeds of two splits lie this far apart.
SPLIT_DISTANCE = 1_000_000
_JPEG_QUALITY = 95


@dataclass(frozen=True)
class SceneImage:
    """One picture.

    Attributes:
        number: From 0 on, within its split.
        image: ``(H, W, 3)`` uint8 RGB.
        labels: ``(H, W)`` uint8, 0 background, ``1 + CLASSES.index(name)`` for objects.
    """

    number: int
    image: np.ndarray
    labels: np.ndarray

    def objects(self) -> list[tuple[str, np.ndarray]]:
        """Return the name and the pixels, bool ``(H, W)``, of each object that shows."""
        return [(CLASSES[i - 1], self.labels == i) for i in np.unique(self.labels) if i]


def scene_images(
    count: int, *, size: int = 64, classes: Sequence[str] = CLASSES, split_number: int = 0
) -> Iterator[SceneImage]:
    """Yield pictures of one and two objects in turn, none of which the embedded models were trained on.

    Of each three, one is square, one is cut to three quarters of its height, one to three quarters of its width: sizes
    that differ show swapped axes. A picture is a function of its number, ``size``, ``classes`` and ``split_number``.

    Args:
        count: Number of pictures, at least 1.
        size: S in pixels, at least 16.
        classes: Classes, in turn.
        split_number: Splits of different numbers share no scene.

    Raises:
        ValueError: An argument is out of range.
    """
    if not 1 <= count <= SPLIT_DISTANCE:
        raise ValueError(f'Expected `count` in [1, {SPLIT_DISTANCE}], but got {count}.')
    if size < 16:
        raise ValueError(f'Expected `size` of at least 16 pixels, but got {size}.')
    if not classes:
        raise ValueError('Expected `classes` to name at least one class, but got none.')
    cut = size // 8
    windows = (np.s_[:, :], np.s_[cut : size - cut, :], np.s_[:, cut : size - cut])
    for number in range(count):
        names = list(dict.fromkeys(classes[(number + i) % len(classes)] for i in range(1 + number % 2)))
        scene = render_scene(HELD_OUT_SEED + split_number * SPLIT_DISTANCE + number, size, names)
        window = windows[number % 3]
        yield SceneImage(number, np.ascontiguousarray(scene.image[window]), np.ascontiguousarray(scene.labels[window]))


def encode_jpeg(image: np.ndarray) -> bytes:
    """Return the JPEG bytes of uint8 ``(H, W, 3)`` RGB."""
    return cv2.imencode('.jpg', image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()
