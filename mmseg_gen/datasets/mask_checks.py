"""Checks that a label map is one: without them a wrong file gives a wrong score and no error.

MMSegmentation drops 255 silently, reads colours as a third axis and cuts 16-bit labels to 8 bits.
Shape letters: H, W the map's size.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from mmseg_gen.datasets.label_reading import IGNORED, present_labels
from mmseg_gen.errors import UserError
from mmseg_gen.functional.palette import voc_palette

_SHOWN = 5
_VOC_COLORS = voc_palette()


def check_index_map(labels: np.ndarray, path: str | os.PathLike[str]) -> None:
    """Check that a label map has one integer a pixel.

    Raises:
        UserError: It has colours, or its numbers are not integers.
    """
    if labels.ndim != 2:
        raise UserError(
            f'Expected {path} to hold one class id a pixel (a grey or palette PNG), but got colours, shape '
            f'{labels.shape}: convert each colour to its class id.'
        )
    if labels.dtype.kind not in 'ui':
        raise UserError(f'Expected {path} to hold integer class ids, but got {labels.dtype}.')


def check_same_size(labels: np.ndarray, image_size: Sequence[int], path: str | os.PathLike[str]) -> None:
    """Check that a label map has the size of its image.

    Args:
        labels: ``(H, W)``.
        image_size: Height and width of the image; further entries are not looked at.
        path: Of the label map, named in the error.

    Raises:
        UserError: The sizes differ.
    """
    expected = tuple(int(side) for side in image_size[:2])
    if labels.shape[:2] != expected:
        raise UserError(
            f'Expected the label map {path} to have the size of its image, {expected[1]} x {expected[0]} pixels '
            f'(width x height), but got {labels.shape[1]} x {labels.shape[0]}: they may belong to different images, '
            'or one was resized.'
        )


def check_class_ids(
    labels: np.ndarray,
    num_classes: int,
    path: str | os.PathLike[str],
    *,
    ignore_index: int = IGNORED,
    allow_void_only: bool = False,
) -> None:
    """Check that every label is a class of the data set, or ignored.

    Args:
        labels: ``(H, W)`` integers as stored.
        num_classes: Number of ids that the file may hold, from 0 on.
        path: Named in the error.
        ignore_index: Label of pixels that do not count.
        allow_void_only: Accept maps that hold nothing but 0 and ignored pixels. Right for sets where they
            occur (a COCO image may show nothing but a crowd); elsewhere such a map is most likely a mask of 0
            and 255, whose objects would all be ignored.

    Raises:
        UserError: A label is neither, or the map holds only 0 and ``ignore_index``.
    """
    if labels.size == 0:
        raise UserError(f'Expected the label map {path} to have pixels, but it is empty.')
    if ignore_index == IGNORED and 0 < _highest_class(labels) < num_classes:
        return
    present = present_labels(labels)
    wrong = [int(value) for value in present if not 0 <= value < num_classes and value != ignore_index]
    if wrong:
        shown = ', '.join(map(str, wrong[:_SHOWN])) + (', ...' if len(wrong) > _SHOWN else '')
        raise UserError(
            f'Expected class ids from 0 to {num_classes - 1}, or {ignore_index} for ignored pixels, but got {shown} '
            f'in {path}: convert the label maps to this numbering.'
        )
    if ignore_index in present and set(present.tolist()) <= {0, ignore_index} and not allow_void_only:
        raise UserError(
            f'Expected class ids in {path}, but got only 0 and {ignore_index}, of which {ignore_index} is ignored: '
            'a mask of 0 and 255 must be converted to class ids first, or be read with LoadBinaryMask.'
        )


def _highest_class(labels: np.ndarray) -> int:
    """Return the largest label if all others are below 128 or 255; -1 where that is not so, or they are no bytes.

    Finding every label takes twenty times as long, on every image of an evaluation.
    """
    if labels.dtype != np.uint8 or not labels.size:
        return -1
    # With a sign 255 is -1, and labels from 128 on are less.
    signed = labels.view(np.int8)
    return int(signed.max()) if signed.min() >= -1 else -1


def has_voc_colors(stored: np.ndarray, num_classes: int) -> bool:
    """Return whether the colours ``(K, 3)`` of a file are VOC's at every class id and at 255."""
    same = len(stored) == len(_VOC_COLORS) and (stored[IGNORED] == _VOC_COLORS[IGNORED]).all()
    return bool(same and np.array_equal(stored[:num_classes], _VOC_COLORS[:num_classes]))


def check_voc_palette(
    labels: np.ndarray, stored: np.ndarray | None, num_classes: int, path: str | os.PathLike[str]
) -> None:
    """Check that a palette file was not saved again with other indices, which programs do that read it as colours.

    Files without a palette, and those whose colours are not VOC's, pass: their indices may be right.

    Args:
        labels: ``(H, W)`` indices.
        stored: The file's colours, uint8 ``(K, 3)``, or None.
        num_classes: Number of class ids.
        path: Named in the error.

    Raises:
        UserError: All colours are VOC's, and one of them stands at the index of another class.
    """
    if stored is None:
        return
    if has_voc_colors(stored, num_classes) and -1 < _highest_class(labels) < num_classes:
        return
    meant = {tuple(_VOC_COLORS[i]): i for i in (*range(num_classes), IGNORED)}
    found = {int(i): meant.get(tuple(stored[i])) if i < len(stored) else None for i in present_labels(labels)}
    moved = [(index, own) for index, own in found.items() if index != own]
    if moved and None not in found.values():
        index, own = moved[0]
        raise UserError(
            f"Expected VOC's palette in {path}, but index {index} has the colour of class id {own}: the file was saved "
            'with another palette; take the original, or turn each colour into its class id.'
        )


def check_label_map(
    labels: np.ndarray,
    num_classes: int,
    path: str | os.PathLike[str],
    *,
    image_size: Sequence[int] | None = None,
    ignore_index: int = IGNORED,
    allow_void_only: bool = False,
) -> None:
    """Check form, size and class ids of a label map; see the functions above.

    Args:
        labels: As :func:`~mmseg_gen.datasets.label_reading.decode_labels` returns it.
        num_classes: Number of ids that the file may hold, from 0 on.
        path: Named in errors.
        image_size: Height and width of the image; None where it is not known.
        ignore_index: Label of pixels that do not count.
        allow_void_only: Accept maps of nothing but 0 and ``ignore_index``.

    Raises:
        UserError: The map does not fit; the message names the file and the cure.
    """
    check_index_map(labels, path)
    if image_size is not None:
        check_same_size(labels, image_size, path)
    check_class_ids(labels, num_classes, path, ignore_index=ignore_index, allow_void_only=allow_void_only)
