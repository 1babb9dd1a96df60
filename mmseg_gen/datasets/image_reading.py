"""Read any common image file as 8-bit RGB, and choose the size at which a model sees it.

Shape letters: H, W the image's own size; h, w the size a model sees.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from mmseg_gen.errors import UserError
from mmseg_gen.functional.canvas import check_image

IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp')
MIN_SIDE = 8
MAX_ASPECT = 4.0
_SIXTEEN_BIT = 65535


def list_images(folder: Path) -> list[Path]:
    """Return the image files directly inside a folder, sorted by name; hidden files are left out.

    Raises:
        UserError: The folder holds no image.
    """
    found = [p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith('.')]
    images = sorted(p for p in found if p.is_file())
    if not images:
        raise UserError(f'Expected at least one image ({", ".join(IMAGE_SUFFIXES)}) in {folder}, but found none.')
    return images


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Return an image file as ``(H, W, 3)`` uint8 RGB, upright as its EXIF orientation says.

    Grey becomes three equal channels. 16-bit values are divided by 257, so that 65535 becomes 255: a file
    that uses 12 of its 16 bits comes out dark and is better stretched first. Transparent pixels are laid on
    white.

    Args:
        path: File that Pillow can read; of an animation, the first frame.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: The file is not an image, is truncated or damaged, has unreadable rights, or is too large.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f'Expected an image file, but there is no {file}.')
    try:
        with Image.open(file) as opened:
            opened.load()
            return _as_rgb(ImageOps.exif_transpose(opened), file)
    except UnidentifiedImageError as error:
        raise UserError(f'Expected an image, but {file} is not one that Pillow can read.') from error
    except Image.DecompressionBombError as error:
        raise UserError(f'Expected an image of ordinary size, but {file} is too large; resize it ({error})') from error
    except (OSError, SyntaxError, EOFError) as error:
        raise UserError(f'Expected a complete image, but {file} is truncated or damaged ({error}).') from error


def _as_rgb(image: Image.Image, file: Path) -> np.ndarray:
    if image.mode.startswith('I') or image.mode == 'F':
        return _from_wide_values(np.asarray(image), file)
    if 'A' in image.getbands() or 'transparency' in image.info:
        image = image.convert('RGBA')
        image = Image.alpha_composite(Image.new('RGBA', image.size, 'white'), image)
    return np.array(image.convert('RGB'))


def _from_wide_values(values: np.ndarray, file: Path) -> np.ndarray:
    if values.dtype.kind == 'f' or values.min() < 0 or values.max() > _SIXTEEN_BIT:
        raise UserError(
            f'Expected 8 or 16 bits per channel, but {file} holds {values.dtype} from {values.min()} '
            f'to {values.max()}; convert it to an 8-bit image.'
        )
    grey = np.round(values / 257.0).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def check_photo(image: np.ndarray) -> np.ndarray:
    """Return the image unchanged if a segmentor can use it.

    Raises:
        TypeError: It is not a uint8 array.
        ValueError: It is not ``(H, W, 3)``, or a side is shorter than 8 pixels.
    """
    check_image(image)
    height, width = image.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise ValueError(f'Expected an image of at least {MIN_SIDE} x {MIN_SIDE} pixels, but got {width} x {height}.')
    return image


def model_size(size: tuple[int, int], side: int, multiple: int) -> tuple[int, int]:
    """Return the height and width at which a model should see an image.

    The longer side becomes ``side``, the size that the model was trained at; the shorter keeps the aspect,
    rounded to a multiple that every level of the model can halve. Strips longer than 4:1 are squeezed to 4:1:
    a narrower canvas leaves attention maps one or two cells wide.

    Args:
        size: ``(H, W)`` of the image.
        side: Native side of the model in pixels, a multiple of ``multiple``.
        multiple: Pixels per cell of the model's coarsest level.

    >>> model_size((300, 400), side=512, multiple=64)
    (384, 512)
    >>> model_size((100, 8000), side=64, multiple=16)
    (16, 64)
    """
    if multiple < 1 or side < multiple or side % multiple:
        raise ValueError(f'Expected `side` to be a multiple of {multiple}, but got {side}.')
    longer = max(size)
    shorter = max(min(size), longer / MAX_ASPECT)
    short_side = max(multiple, round(side * shorter / longer / multiple) * multiple)
    return (short_side, side) if size[0] < size[1] else (side, short_side)
