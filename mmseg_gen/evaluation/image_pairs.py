"""Images and the masks that belong to them, and what in such a mask is foreground, whatever program wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmseg_gen.datasets.image_reading import list_images
from mmseg_gen.datasets.label_reading import decode_labels
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import KEPT, read_manifest, shard_paths

MASK_KINDS = ('auto', 'binary', 'labels')
_VOID, _MIDDLE = 255, 128


@dataclass(frozen=True)
class ImagePair:
    """Files of an image and of its mask."""

    image: Path
    mask: Path


def find_pairs(
    root: Path, images: str | Path | None = None, masks: str | Path | None = None
) -> tuple[list[ImagePair], list[tuple[str, str]]]:
    """Return the pairs of a data set, and the images without a mask, each with a sentence.

    Args:
        root: A generated data set, whose kept samples count, or a folder of images and masks of equal stems.
        images: Folder of the images, relative to ``root``; None takes the manifest, else 'images'.
        masks: Likewise; 'masks'.

    Raises:
        UserError: A folder is missing or empty, two files have one stem, or no image has a mask.
    """
    if images is None and masks is None and shard_paths(root):
        entries = [e for e in read_manifest(root) if e.status == KEPT]
        if not entries:
            raise UserError(f'Expected kept samples in {root}, but its manifest has none.')
        return [ImagePair(root / e.files['image'][0], root / e.files['mask'][0]) for e in entries], []
    image_files, mask_files = (_by_stem(root / folder) for folder in (images or 'images', masks or 'masks'))
    lonely = [
        (str(path), 'there is no mask of this name') for stem, path in image_files.items() if stem not in mask_files
    ]
    pairs = [ImagePair(path, mask_files[stem]) for stem, path in image_files.items() if stem in mask_files]
    if not pairs:
        raise UserError(
            f'Expected masks named as the {len(image_files)} images of {root / (images or "images")}, but got '
            f'{next(iter(mask_files))}, ... for {next(iter(image_files))}, ...'
        )
    return pairs, lonely


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise UserError(f'Expected a folder {folder}, but there is none; name it with --images or --masks.')
    found: dict[str, Path] = {}
    for path in list_images(folder):
        if path.stem in found:
            raise UserError(f'Expected one file for each name, but got {found[path.stem]} and {path}; keep one.')
        found[path.stem] = path
    return found


def read_mask_values(path: Path) -> np.ndarray:
    """Return what a mask file stores, uint8 ``(H, W)``; three equal channels count as one.

    Raises:
        UserError: It is damaged, coloured, or has more than 8 bits.
    """
    values = decode_labels(path.read_bytes(), path)
    if values.ndim == 3 and values.shape[2] >= 3 and (values[..., :3] == values[..., :1]).all():
        values = values[..., 0]
    if values.ndim != 2 or values.dtype != np.uint8:
        raise UserError(
            f'Expected one byte for each pixel in {path}, but got {values.dtype} {values.shape}; '
            'save masks as grey or palette PNG.'
        )
    return values


def foreground(values: np.ndarray, path: Path, mask_kind: str = 'auto') -> np.ndarray:
    """Return where a mask shows an object, bool ``(H, W)``.

    Args:
        values: uint8 ``(H, W)``.
        path: Named in errors.
        mask_kind: 'binary' (from 128 on; from 1 on where the file has only 0 and 1), 'labels' (all but 0 and
            255, which is void), or 'auto': the first where 255 and greys or 0 alone occur, the second where all
            values are below 128.

    Raises:
        UserError: 'auto' cannot tell.
    """
    present = np.flatnonzero(np.bincount(values.ravel(), minlength=256))
    top = int(present[-1])
    if mask_kind == 'auto':
        soft = ((present >= _MIDDLE) & (present < _VOID)).any()
        low = ((present > 0) & (present < _MIDDLE)).any()
        if (top == _VOID and low and not soft) or _MIDDLE <= top < _VOID:
            raise UserError(
                f'Expected 0 and 255, or labels below 128, in {path}, but got {present[:6].tolist()} to {top}: pass '
                '--mask-kind labels for class ids (255 is void), or binary for grey masks.'
            )
        mask_kind = 'binary' if top == _VOID else 'labels'
    if mask_kind == 'labels':
        return (values > 0) & (values != _VOID)
    return values >= (1 if top == 1 else _MIDDLE)
