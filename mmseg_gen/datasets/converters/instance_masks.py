"""COCO's polygons and run lengths as pixels, decoded by pycocotools. Shape letters: H, W the image's size."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from mmseg_gen.errors import UserError


def require_pycocotools() -> None:
    """Check that the decoder is there.

    Raises:
        UserError: pycocotools is not installed.
    """
    if importlib.util.find_spec('pycocotools') is None:
        raise UserError('Expected pycocotools, which decodes COCO masks. Run: pip install "mmseg_gen[coco]"')


def decode_instance(segmentation: Any, size: tuple[int, int], where: str) -> np.ndarray:
    """Return the pixels of one instance, bool ``(H, W)``.

    Args:
        segmentation: A list of polygons ``[x0, y0, x1, y1, ...]``, or run lengths ``{'size': [H, W], 'counts': ...}``
            with counts as a list or compressed.
        size: H, W of the image.
        where: The annotation, in words, for errors.

    Raises:
        UserError: The segmentation is of another form, or of another size.
    """
    from pycocotools import mask

    if isinstance(segmentation, list):
        short = [p for p in segmentation if not isinstance(p, list) or len(p) < 6 or len(p) % 2]
        if short or not segmentation:
            raise UserError(f'Expected polygons of three or more points in {where}, but got {str(short)[:80]}.')
        return mask.decode(mask.merge(mask.frPyObjects(segmentation, *size))).astype(bool)
    if not isinstance(segmentation, dict) or 'counts' not in segmentation:
        raise UserError(f'Expected polygons or run lengths in {where}, but got {str(segmentation)[:80]}.')
    if list(segmentation.get('size', [])) != list(size):
        raise UserError(
            f'Expected run lengths of the size of the image, {list(size)}, in {where}, but got '
            f'{segmentation.get("size")}.'
        )
    counts = segmentation['counts']
    if isinstance(counts, list):
        if sum(counts) != size[0] * size[1]:
            raise UserError(
                f'Expected run lengths that add up to {size[0] * size[1]} in {where}, but got {sum(counts)}.'
            )
        segmentation = mask.frPyObjects(segmentation, *size)
    return mask.decode(segmentation).astype(bool)
