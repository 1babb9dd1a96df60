"""The statistics of a generated data set, or of any folder of images and masks (DiffusionSeg, Sec. 4.3)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from mmseg_gen.datasets.image_reading import list_images, read_image
from mmseg_gen.datasets.label_reading import decode_labels
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import KEPT, read_manifest, shard_paths
from mmseg_gen.functional.mask_statistics import (
    DataSetStatistics,
    MaskStatistics,
    data_set_statistics,
    mask_statistics,
)

MASK_KINDS = ('auto', 'binary', 'labels')
QUANTITIES = ('shape_complexity', 'polygon_length', 'object_size', 'color_contrast', 'center_distance')
_VOID, _MIDDLE = 255, 128
_PERCENTILES = {'p05': 5, 'median': 50, 'p95': 95}


@dataclass(frozen=True)
class ImagePair:
    """Files of an image and of its mask."""

    image: Path
    mask: Path


@dataclass(frozen=True)
class Analysis:
    """What was found in one data set.

    Attributes:
        name: For plots and tables.
        statistics: Of the masks that show an object.
        left_out: Files that could not be used, each with a sentence.
        empty: Masks without an object.
    """

    name: str
    statistics: DataSetStatistics
    left_out: list[tuple[str, str]] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values; what is not defined is null."""
        found = self.statistics
        summary: dict[str, Any] = {name: summarize(getattr(found, name)) for name in QUANTITIES}
        summary['shape_diversity'] = summarize(found.pair_distances)
        return {
            'name': self.name,
            'masks': len(found.object_size),
            'empty': {'count': len(self.empty), 'files': self.empty},
            'left_out': {'count': len(self.left_out), 'files': [{'file': f, 'reason': r} for f, r in self.left_out]},
            **summary,
            'center': {'x': float(found.centers[:, 0].mean()), 'y': float(found.centers[:, 1].mean())},
            'center_map': np.round(found.center_map, 4).tolist(),
        }


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


def analyze(
    pairs: Sequence[ImagePair],
    name: str,
    *,
    mask_kind: str = 'auto',
    max_pairs: int = 20_000,
    left_out: Sequence[tuple[str, str]] = (),
) -> Analysis:
    """Return the statistics of pairs, with a progress bar; unusable files are left out and listed.

    Args:
        pairs: From :func:`find_pairs`.
        name: For plots and tables.
        mask_kind: What masks hold: see :func:`foreground`.
        max_pairs: Pairs of outlines that shape diversity is taken from.
        left_out: Files that are left out already.

    Raises:
        UserError: It cannot be told what the masks hold, no file is usable, or no mask shows an object.
    """
    if mask_kind not in MASK_KINDS:
        raise UserError(f'Expected `mask_kind` from {", ".join(MASK_KINDS)}, but got {mask_kind!r}.')
    failed, empty = list(left_out), []

    def each() -> Iterator[MaskStatistics]:
        for pair in tqdm(pairs, desc=name, unit='mask', disable=None):
            try:
                image, values = read_image(pair.image), read_mask_values(pair.mask)
                _check_size(image, values, pair)
            except (ValueError, OSError) as error:
                failed.append((str(pair.mask), ' '.join(str(error).split())))
                continue
            found = mask_statistics(image, foreground(values, pair.mask, mask_kind))
            if found.center is None:
                empty.append(str(pair.mask))
            yield found

    try:
        statistics = data_set_statistics(each(), max_pairs=max_pairs)
    except UserError:
        raise
    except ValueError as error:
        reason = f', {failed[0][0]}: {failed[0][1]}' if failed else ''
        raise UserError(
            f'{name}: expected masks that show an object, but {len(empty)} of {len(pairs)} are empty and '
            f'{len(failed)} unusable{reason}'
        ) from error
    return Analysis(name, statistics, failed, empty)


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


def summarize(values: np.ndarray) -> dict[str, float | int | None]:
    """Return count, mean, deviation, percentiles and extremes of what is not NaN; nulls where nothing is."""
    known = values[~np.isnan(values)]
    if not known.size:
        return {'count': 0, 'mean': None}
    found = {'mean': known.mean(), 'std': known.std(), 'min': known.min(), 'max': known.max()}
    found |= {key: np.percentile(known, percent) for key, percent in _PERCENTILES.items()}
    return {'count': len(known), **{key: float(v) if math.isfinite(v) else None for key, v in found.items()}}


def _check_size(image: np.ndarray, values: np.ndarray, pair: ImagePair) -> None:
    if image.shape[:2] != values.shape:
        raise UserError(
            f'expected the size of {pair.image}, {image.shape[1]} x {image.shape[0]} pixels, '
            f'but got {values.shape[1]} x {values.shape[0]}'
        )
