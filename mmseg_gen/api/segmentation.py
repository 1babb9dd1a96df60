"""What segmentation gives: a mask, where it came from, and ways to look at it.

Shape letters: H, W the image's own size.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmseg_gen.datasets.image_reading import check_photo, read_image
from mmseg_gen.functional.writing import encode_png, write_bytes
from mmseg_gen.visualization.overlay import overlay_mask

if TYPE_CHECKING:
    from mmseg_gen.functional.evidence import Evidence

ImageLike = str | os.PathLike | np.ndarray


@dataclass(frozen=True)
class Segmentation:
    """What `segment` found.

    Attributes:
        mask: True on the class, bool ``(H, W)`` at the image's own size.
        objectness: How much each pixel looks like the class, float32 ``(H, W)`` in [0, 1].
        class_name: The class asked for.
        evidence: The generator's attention, None where a trained segmentor made the mask.
    """

    mask: np.ndarray
    objectness: np.ndarray
    class_name: str
    evidence: Evidence | None = None

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the mask as a grey PNG, 0 and 255, replacing an older file, and return the path.

        Raises:
            ValueError: The name does not end in ``.png``.
        """
        target = Path(path)
        if target.suffix.lower() != '.png':
            raise ValueError(f'Expected `path` to end in .png, but got {target.name}.')
        target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(target, encode_png(self.mask.astype(np.uint8) * 255))
        return target

    def overlay(self, image: ImageLike) -> np.ndarray:
        """Return the image with the mask tinted over it, ``(H, W, 3)`` uint8 RGB.

        Args:
            image: The image that was segmented: a path or ``(H, W, 3)`` uint8 RGB.
        """
        return overlay_mask(photo_pixels(image), self.mask)


def photo_pixels(image: ImageLike) -> np.ndarray:
    """Return a photo as ``(H, W, 3)`` uint8 RGB; read it where a path is given.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: The file cannot be read.
        TypeError: The array is not uint8.
        ValueError: The array is not ``(H, W, 3)``, or a side is shorter than 8 pixels.
    """
    return check_photo(read_image(image) if isinstance(image, str | os.PathLike) else image)
