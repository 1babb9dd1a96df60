"""Captioned images to train on: rendered scenes, or a folder of photographs with captions."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from mmseg_gen.errors import UserError

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

    Empty lines are skipped. Each photograph is resized by its short side and cropped at the centre.

    Raises:
        UserError: The list is missing or empty, a line is no such object, or an image cannot be read.
    """
    index = folder / 'captions.jsonl'
    if not index.is_file():
        raise UserError(f'Expected `data` to hold captions.jsonl (one JSON object a line), but {index} is missing.')
    images, captions = [], []
    for number, line in enumerate(index.read_text(encoding='utf-8').splitlines(), 1):
        if not line.strip():
            continue
        name, texts = _parse(line, f'{index}:{number}')
        photo = cv2.imread(str(folder / name), cv2.IMREAD_COLOR)
        if photo is None:
            raise UserError(f'Expected a readable image at {folder / name} ({index}:{number}).')
        images.append(_center_crop(photo[..., ::-1], size))
        captions.append(texts)
    if not images:
        raise UserError(f'Expected at least one line in {index}, but it is empty.')
    return Corpus(np.stack(images), captions)


def _parse(line: str, place: str) -> tuple[str, list[str]]:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(
            f'Expected one JSON object a line, but got {line[:80]!r} at {place} ({error}); mend or delete the line.'
        ) from error
    name, captions = (entry.get('image'), entry.get('captions')) if isinstance(entry, dict) else (None, None)
    is_list = isinstance(captions, list) and captions and all(isinstance(text, str) for text in captions)
    if not (is_list and isinstance(name, str) and name):
        raise UserError(
            f'Expected {{"image": "a/b.jpg", "captions": ["a photo of a dog"]}} at {place}, but got {line[:80]!r}; '
            'mend or delete the line.'
        )
    return name, captions


def _center_crop(image: np.ndarray, size: int) -> np.ndarray:
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    crop = np.ascontiguousarray(image[top : top + side, left : left + side])
    return cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
