"""Captioned images to train on: rendered scenes, or a folder of photographs with captions."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from .scenes import describe_scene, render_scene

# Training scenes have seeds below this, held-out ones from here on.
HELD_OUT_SEED = 1_000_000


@dataclass(frozen=True)
class Corpus:
    """Images ``(N, S, S, 3)`` uint8 RGB and, for each, the captions to draw from."""

    images: np.ndarray
    captions: list[list[str]]


def _render(seed: int, size: int, captions: int) -> tuple[np.ndarray, list[str]]:
    scene = render_scene(seed, size)
    return scene.image, [describe_scene(scene, [seed, k]) for k in range(captions)]


def scene_corpus(count: int, size: int = 64, captions: int = 4, workers: int = 1) -> Corpus:
    """Render scenes with seeds 0 .. count - 1, each with several captions that drop different details."""
    render = partial(_render, size=size, captions=captions)
    if workers > 1:
        with ProcessPoolExecutor(workers) as pool:
            pairs = list(pool.map(render, range(count), chunksize=64))
    else:
        pairs = [render(seed) for seed in range(count)]
    return Corpus(np.stack([p[0] for p in pairs]), [p[1] for p in pairs])


def photo_corpus(folder: Path, size: int = 64) -> Corpus:
    """Read ``captions.jsonl`` of a folder: lines ``{"image": "a/b.jpg", "captions": ["a photo of a dog", ...]}``.

    Each photograph is resized by its short side and cropped at the centre.

    Raises:
        ValueError: The list is missing or empty, a line lacks a key, or an image cannot be read.
    """
    index = folder / 'captions.jsonl'
    if not index.is_file():
        raise ValueError(f'Expected `data` to hold captions.jsonl (one JSON object a line), but {index} is missing.')
    images, captions = [], []
    for number, line in enumerate(index.read_text(encoding='utf-8').splitlines(), 1):
        entry = json.loads(line)
        if not entry.get('image') or not entry.get('captions'):
            raise ValueError(f'Expected keys "image" and "captions" in {index}:{number}, but got {line[:80]!r}.')
        photo = cv2.imread(str(folder / entry['image']), cv2.IMREAD_COLOR)
        if photo is None:
            raise ValueError(f'Expected a readable image at {folder / entry["image"]} ({index}:{number}).')
        images.append(_center_crop(photo[..., ::-1], size))
        captions.append(list(entry['captions']))
    if not images:
        raise ValueError(f'Expected at least one line in {index}, but it is empty.')
    return Corpus(np.stack(images), captions)


def _center_crop(image: np.ndarray, size: int) -> np.ndarray:
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    crop = np.ascontiguousarray(image[top : top + side, left : left + side])
    return cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
