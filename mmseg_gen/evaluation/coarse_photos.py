"""Photographs with masks made coarse on purpose: what refiners are compared on where the truth is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmseg_gen.datasets.image_reading import list_images, read_image
from mmseg_gen.errors import UserError
from mmseg_gen.evaluation.mask_reading import find_masks, read_values
from mmseg_gen.functional.canvas import limited_size, resize_map, resize_mask
from mmseg_gen.functional.coarsening import COARSENINGS, coarsen_mask, soften_mask


@dataclass(frozen=True)
class CoarsePhoto:
    """A photograph, its mask, and what a weak segmentor could say.

    Attributes:
        name: Of its file, without suffix.
        image: RGB uint8 ``(H, W, 3)``.
        truth: Foreground, bool ``(H, W)``.
        probabilities: Of background and foreground, float32 ``(2, H, W)``.
        kind: How the mask was made coarse, a key of ``COARSENINGS``.
    """

    name: str
    image: np.ndarray
    truth: np.ndarray
    probabilities: np.ndarray
    kind: str


def coarse_photos(
    images: Path, masks: Path, *, side: int, iou: tuple[float, float], seed: int
) -> Iterator[CoarsePhoto]:
    """Yield the photographs of a folder that have a mask, by name; those whose mask is empty or full are passed over.

    Args:
        images: Folder of photographs.
        masks: Folder of masks named as the photographs; anything but 0 is foreground, 255 of a mask that holds both 1
            and 255 is background.
        side: Larger photographs are brought to this longer side.
        iou: Range that each mask's largest IoU is drawn from.
        seed: Decides kind and degree.

    Raises:
        UserError: There are no photographs or masks, or the sizes of a pair differ.
    """
    found = find_masks(masks)
    for number, path in enumerate(p for p in list_images(images) if p.stem in found):
        image, values = read_image(path), read_values(found[path.stem])
        if values.shape[:2] != image.shape[:2]:
            raise UserError(
                f'Expected {found[path.stem]} to be as large as {path}, {image.shape[:2]}, but got {values.shape[:2]}.'
            )
        size = limited_size(image.shape[:2], side)
        truth = resize_mask(_foreground(values), size)
        if not truth.any() or truth.all():
            continue
        rng = np.random.default_rng((seed, number))
        kind = list(COARSENINGS)[number % len(COARSENINGS)]
        coarse = coarsen_mask(truth, kind, rng.uniform(*iou), int(rng.integers(2**31)), iou[0])
        foreground = soften_mask(coarse, 0.025 * max(size))
        yield CoarsePhoto(path.stem, resize_map(image, size), truth, np.stack([1 - foreground, foreground]), kind)


def _foreground(values: np.ndarray) -> np.ndarray:
    values = values if values.ndim == 2 else values[..., 0]
    undecided = (values == 255) & bool((values == 1).any())
    return (values > 0) & ~undecided
