"""CelebAMask-HQ's files of single parts to label maps of the size of the photographs. Shape letters: H, W that size."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmseg_gen.datasets.celebamask_hq import IMAGE_FOLDER, LABEL_FOLDER, PARTS
from mmseg_gen.datasets.converters.label_files import Written, write_label_maps
from mmseg_gen.datasets.label_reading import decode_labels
from mmseg_gen.datasets.listed import find_images
from mmseg_gen.errors import UserError

PART_FOLDER = 'CelebAMask-HQ-mask-anno'
IMAGES_PER_FOLDER = 2000


def merge_parts(parts: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return one label map of masks that may overlap, uint8 of their shape; the later in ``PARTS`` is on top.

    Args:
        parts: At least one mask by part name, bool, all of one shape.

    Raises:
        ValueError: There is none, the shapes differ, or a name is not in ``PARTS``.

    >>> merge_parts({'hair': np.array([True, False]), 'skin': np.array([True, True])}).tolist()
    [13, 1]
    """
    shapes = {mask.shape for mask in parts.values()}
    if len(shapes) != 1 or not set(parts) <= set(PARTS):
        raise ValueError(
            f'Expected `parts` of one shape, named as in PARTS, but got {list(parts)} of {sorted(shapes)}.'
        )
    labels = np.zeros(shapes.pop(), np.uint8)
    for number, name in enumerate(PARTS, 1):
        if name in parts:
            labels[parts[name]] = number
    return labels


def read_parts(folder: Path, number: int) -> dict[str, np.ndarray]:
    """Return the masks of one image by part name, bool ``(H, W)``; any value but 0 belongs to the part.

    Args:
        folder: ``CelebAMask-HQ-mask-anno``.
        number: Of the image.

    Raises:
        UserError: There is no part of this image, or a file is damaged.
    """
    place = folder / str(number // IMAGES_PER_FOLDER)
    files = {name: place / f'{number:05d}_{name}.png' for name in PARTS}
    found = {name: decode_labels(file.read_bytes(), file) for name, file in files.items() if file.is_file()}
    if not found:
        raise UserError(f'Expected parts {number:05d}_*.png in {place}, but got none: unpack {PART_FOLDER}.')
    return {name: (pixels if pixels.ndim == 2 else pixels[..., :3].any(-1)) != 0 for name, pixels in found.items()}


def convert_celebamask(root: str | os.PathLike[str]) -> Written:
    """Write ``CelebAMask-HQ-mask/NUMBER.png`` for each photograph; files that are there are left as they are.

    The parts have half the size of the photographs (512 and 1024): label maps are enlarged to the photograph's size,
    each pixel to a square.

    Args:
        root: Folder ``CelebAMask-HQ``.

    Raises:
        UserError: A folder or the parts of an image are missing, a file is damaged, or sizes do not fit.
    """
    images, folder = Path(root, IMAGE_FOLDER), Path(root, PART_FOLDER)
    names = find_images(images, '.jpg')
    strange = [name for name in names if not name.isdecimal()]
    if strange:
        raise UserError(f'Expected images NUMBER.jpg in {images}, but got {strange[0]}.jpg: take other files away.')

    def draw(name: str) -> np.ndarray:
        try:
            labels = merge_parts(read_parts(folder, int(name)))
        except UserError:
            raise
        except ValueError as error:
            raise UserError(f'Expected parts of image {name} of one size in {folder}, but got: {error}') from error
        with Image.open(images / f'{name}.jpg') as opened:
            return _enlarged(labels, opened.size, name)

    return write_label_maps(Path(root, LABEL_FOLDER), sorted(names, key=int), draw)


def _enlarged(labels: np.ndarray, size: tuple[int, int], name: str) -> np.ndarray:
    height, width = labels.shape
    if size[0] % width or size[1] % height or size[0] // width != size[1] // height:
        raise UserError(
            f'Expected image {name} to be a whole number of times as large as its parts, {width} x {height}, but got '
            f'{size[0]} x {size[1]}.'
        )
    return cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)
