"""The statistics of a generated data set, or of any folder of images and masks (DiffusionSeg, Sec. 4.3)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tqdm import tqdm

from mmseg_gen.datasets.image_reading import read_image
from mmseg_gen.errors import UserError
from mmseg_gen.evaluation.image_pairs import MASK_KINDS, ImagePair, foreground, read_mask_values
from mmseg_gen.functional.mask_statistics import (
    DataSetStatistics,
    MaskStatistics,
    data_set_statistics,
    mask_statistics,
)

QUANTITIES = ('shape_complexity', 'polygon_length', 'object_size', 'color_contrast', 'center_distance')
_PERCENTILES = {'p05': 5, 'median': 50, 'p95': 95}


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
        pairs: From :func:`~mmseg_gen.evaluation.image_pairs.find_pairs`.
        name: For plots and tables.
        mask_kind: What masks hold: see :func:`~mmseg_gen.evaluation.image_pairs.foreground`.
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
