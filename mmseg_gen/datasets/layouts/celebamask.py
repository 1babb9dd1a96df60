"""Drawn faces in the form of CelebAMask-HQ: a PNG per part, at half the size of the photograph."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mmseg_gen.datasets.celebamask_hq import IMAGE_FOLDER, MAPPING, PARTS
from mmseg_gen.datasets.converters.celebamask import IMAGES_PER_FOLDER, PART_FOLDER
from mmseg_gen.datasets.converters.label_files import write_once
from mmseg_gen.datasets.layouts.scene_images import encode_jpeg
from mmseg_gen.functional.writing import encode_png

# Ellipses of a frontal face: centre, half axes, in shares of the side.
_ELLIPSES = {
    'cloth': (0.5, 1.0, 0.42, 0.16),
    'neck': (0.5, 0.82, 0.12, 0.14),
    'neck_l': (0.5, 0.87, 0.10, 0.03),
    'skin': (0.5, 0.5, 0.24, 0.31),
    'l_ear': (0.25, 0.5, 0.05, 0.08),
    'r_ear': (0.75, 0.5, 0.05, 0.08),
    'ear_r': (0.25, 0.6, 0.03, 0.03),
    'l_brow': (0.4, 0.38, 0.07, 0.02),
    'r_brow': (0.6, 0.38, 0.07, 0.02),
    'l_eye': (0.4, 0.45, 0.05, 0.03),
    'r_eye': (0.6, 0.45, 0.05, 0.03),
    'eye_g': (0.5, 0.45, 0.2, 0.06),
    'nose': (0.5, 0.55, 0.04, 0.08),
    'mouth': (0.5, 0.69, 0.08, 0.03),
    'u_lip': (0.5, 0.67, 0.09, 0.02),
    'l_lip': (0.5, 0.72, 0.09, 0.02),
    'hair': (0.5, 0.24, 0.27, 0.16),
    'hat': (0.5, 0.12, 0.25, 0.10),
}
# What not everybody wears, and how often it is left out.
_OPTIONAL = {'hat': 0.7, 'eye_g': 0.6, 'ear_r': 0.5, 'neck_l': 0.5}
# CelebA numbers of a training, a validation and a test image.
_CELEBA_NUMBERS = (100, 170000, 190000)


def draw_face(seed: int, side: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return a picture ``(2 S, 2 S, 3)`` uint8 RGB and its parts, bool ``(S, S)``, which overlap.

    Args:
        seed: The face is a function of it and of ``side``.
        side: S in pixels, at least 32.
    """
    rng = np.random.default_rng(seed)
    shift, parts = rng.uniform(-0.04, 0.04, 2), {}
    image = np.full((2 * side, 2 * side, 3), rng.integers(0, 256, 3), np.uint8)
    # Number by number, so that what is on top in the picture is on top in the label map.
    for name in PARTS:
        if rng.random() < _OPTIONAL.get(name, 0):
            continue
        x, y, *axes = _ELLIPSES[name]
        center = (round((x + shift[0]) * side), round((y + shift[1]) * side))
        canvas = np.zeros((side, side), np.uint8)
        cv2.ellipse(canvas, center, tuple(max(1, round(a * side)) for a in axes), 0, 0, 360, 1, -1)
        parts[name] = canvas > 0
        image[parts[name].repeat(2, 0).repeat(2, 1)] = rng.integers(0, 256, 3)
    return image, parts


def write_celebamask_faces(root: str | Path, count: int, *, side: int = 32) -> dict[str, dict[str, np.ndarray]]:
    """Write photographs, part files and the table of CelebA's numbers; each third face is of another split.

    Args:
        root: Folder ``CelebAMask-HQ``.
        count: Number of faces, at least 1.
        side: Side of the parts in pixels, at least 32; photographs have twice as many.

    Returns:
        The parts of each face by its name.

    Raises:
        ValueError: An argument is out of range.
        UserError: A file is there with other content.
    """
    if count < 1 or side < 32:
        raise ValueError(f'Expected `count` of at least 1 and `side` of at least 32, but got {count} and {side}.')
    folder, truths, lines = Path(root), {}, ['idx   orig_idx   orig_file']
    for number in range(count):
        image, truths[str(number)] = draw_face(number, side)
        write_once(folder / IMAGE_FOLDER / f'{number}.jpg', encode_jpeg(image))
        for name, mask in truths[str(number)].items():
            # The files have three equal channels.
            pixels = np.repeat(mask[..., None], 3, -1).astype(np.uint8) * np.uint8(255)
            place = folder / PART_FOLDER / str(number // IMAGES_PER_FOLDER)
            write_once(place / f'{number:05d}_{name}.png', encode_png(pixels))
        original = _CELEBA_NUMBERS[number % 3] + number
        lines.append(f'{number}       {original}       {original + 1:06d}.jpg')
    write_once(folder / MAPPING, ('\n'.join(lines) + '\n').encode())
    return truths
