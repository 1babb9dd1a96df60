"""Masks that another program wrote: found by name, read, and checked before they can give a wrong score."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmseg_gen.datasets.label_reading import decode_labels, decode_with_palette, present_labels
from mmseg_gen.datasets.mask_checks import check_voc_palette, has_voc_colors
from mmseg_gen.errors import UserError

SUFFIXES = ('.png', '.npy')
VALUES = ('auto', 'labels', 'mask', 'soft')
_SHOWN = 5


@dataclass(frozen=True)
class Prediction:
    """A predicted mask.

    Attributes:
        labels: Class ids, uint8 ``(H, W)``.
        probability: Of the foreground of two-class sets, float32 ``(H, W)`` in [0, 1]; None for others.
    """

    labels: np.ndarray
    probability: np.ndarray | None = None


def find_masks(folder: Path, suffix: str = '', *, nested: bool = False) -> dict[str, Path]:
    """Return the PNG and npy files of a folder and those below it by their key.

    Args:
        folder: Where to look.
        suffix: What file stems have behind the key, '_mask' for instance; files without it are left out.
        nested: Whether the key has the folders below ``folder`` too.

    Raises:
        UserError: There is no such folder, it holds no mask, or two files have one key.
    """
    if not folder.is_dir():
        raise UserError(f'Expected a folder of masks, but there is none at {folder}.')
    found = defaultdict(list)
    for path in sorted(p for p in folder.rglob('*') if p.suffix.lower() in SUFFIXES and not p.name.startswith('.')):
        if path.stem.endswith(suffix):
            key = path.with_name(path.stem.removesuffix(suffix)).relative_to(folder)
            found[str(key) if nested else key.name].append(path)
    if not found:
        raise UserError(f'Expected masks NAME{suffix}.png or NAME{suffix}.npy in {folder}, but found none.')
    twice = [paths for paths in found.values() if len(paths) > 1]
    if twice:
        raise UserError(
            f'Expected one mask for each name, but {len(twice)} names have more, {twice[0][0]} and {twice[0][1]} for '
            'one; keep one of each.'
        )
    return {key: paths[0] for key, paths in found.items()}


def read_values(path: Path) -> np.ndarray:
    """Return the numbers of a PNG, palette indices unchanged, or of an npy file, which is never unpickled.

    Raises:
        UserError: The file is damaged, or an npy file holds objects.
    """
    if path.suffix.lower() != '.npy':
        return decode_labels(path.read_bytes(), path)
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f'Expected an npy file of numbers, but could not read {path} ({error}).') from error


class PredictionReader:
    """Reads predictions for data sets of a number of classes, and notes what their numbers mean.

    With two classes a file holds labels (0, 1), a mask (0, 255), or soft values: grey from 0 to 255, or floats in
    [0, 1]. A folder of labels and masks together is ambiguous: :meth:`check` refuses it.

    Args:
        num_classes: Of the data set, background included.
        values: What the files hold: 'labels', 'mask', 'soft', or 'auto' to tell from each file.
        voc_colors: Whether palette files are expected to have VOC's colours, if any colours of classes.

    Raises:
        UserError: ``values`` is another word, or asks for foreground values of more than two classes.
    """

    def __init__(self, num_classes: int, values: str = 'auto', *, voc_colors: bool = False) -> None:
        if values not in VALUES:
            raise UserError(f'Expected `values` from {", ".join(VALUES)}, but got {values!r}.')
        if values in ('mask', 'soft') and num_classes != 2:
            raise UserError(f'Expected `values` labels for {num_classes} classes, but got {values!r}.')
        self.num_classes, self.values, self.voc_colors = num_classes, values, voc_colors
        self._examples: dict[str, Path] = {}

    def __call__(self, path: Path) -> Prediction:
        """Return the prediction of a file.

        Raises:
            UserError: The file is damaged, coloured, or holds values that mean nothing here.
        """
        coded = self.voc_colors and path.suffix.lower() == '.png'
        pixels, colors = decode_with_palette(path.read_bytes(), path) if coded else (read_values(path), None)
        if self.num_classes == 2 and pixels.ndim == 3 and pixels.shape[2] == 3:
            pixels = _grey(pixels)
        if pixels.ndim != 2 or not pixels.size:
            raise UserError(
                f'Expected one number for each pixel in {path}, but got shape {pixels.shape}; save class ids as a grey '
                'or palette PNG, not as colours.'
            )
        if self.num_classes != 2:
            # One pass over the pixels of a good file: the checks below say what is wrong with others.
            fits = pixels.dtype == np.uint8 and int(pixels.max()) < self.num_classes
            if not fits or (colors is not None and not has_voc_colors(colors, self.num_classes)):
                check_voc_palette(pixels, colors, self.num_classes, path)
            return Prediction(pixels if fits else _class_ids(pixels, self.num_classes, path))
        probability = self._foreground(pixels, path)
        return Prediction((probability > 0.5).astype(np.uint8), probability)

    def check(self) -> None:
        """Check that the files read so far mean the same.

        Raises:
            UserError: Some hold labels and some masks or soft values.
        """
        if 'labels' in self._examples and len(self._examples) > 1:
            other = next(kind for kind in self._examples if kind != 'labels')
            raise UserError(
                f'Expected all predictions to hold the same kind of values, but {self._examples["labels"]} has 0 and 1 '
                f'and {self._examples[other]} goes up to 255; say which with --values.'
            )

    def _foreground(self, pixels: np.ndarray, path: Path) -> np.ndarray:
        kind, scale = self._kind(pixels, path)
        if kind is not None:
            self._examples.setdefault(kind, path)
        return pixels.astype(np.float32) / np.float32(scale)

    def _kind(self, pixels: np.ndarray, path: Path) -> tuple[str | None, int]:
        """Return what the values are, None where all are 0, and the value that means certain foreground."""
        if pixels.dtype.kind == 'f':
            if self.values in ('labels', 'mask') or not ((pixels >= 0) & (pixels <= 1)).all():
                raise UserError(
                    f'Expected {self.values if self.values != "auto" else "probabilities in [0, 1]"} in {path}, but '
                    f'got floats from {pixels.min()} to {pixels.max()}; store integers, or probabilities.'
                )
            return 'soft', 1
        values = present_labels(pixels)
        low, top = int(values[0]), int(values[-1])
        if low < 0 or top > 255 or (top > 1 and self.values == 'labels'):
            limit = 1 if self.values == 'labels' else 255
            raise UserError(f'Expected values from 0 to {limit} in {path}, but got {low} to {top}.')
        if self.values == 'auto' and values.tolist() in ([0, 1, 255], [1, 255]):
            raise UserError(
                f'Expected 0 and 1, or 0 and 255, in {path}, but got all three; predictions have no ignored pixels: '
                'set them to 0 or 1, or pass --values soft.'
            )
        if self.values == 'mask' and not set(values.tolist()) <= {0, 255}:
            raise UserError(f'Expected 0 and 255 alone in {path}, but got {values[:8].tolist()}.')
        if self.values == 'labels' or (self.values == 'auto' and top == 1):
            return 'labels', 1
        if top == 0:
            return None, 255
        return ('mask' if low in (0, 255) and len(values) <= 2 and top == 255 else 'soft'), 255


def _grey(pixels: np.ndarray) -> np.ndarray:
    """Return the first of three equal channels; colours stay as they are."""
    equal = (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all()
    return pixels[..., 0] if equal else pixels


def _class_ids(pixels: np.ndarray, num_classes: int, path: Path) -> np.ndarray:
    if pixels.dtype.kind not in 'ui':
        raise UserError(
            f'Expected integer class ids in {path}, but got {pixels.dtype}; take the argmax over classes first.'
        )
    if not 0 <= pixels.min() <= pixels.max() < num_classes:
        wrong = [int(v) for v in present_labels(pixels) if not 0 <= v < num_classes]
        void = ' 255 means ignored in ground truth and cannot be predicted;' if 255 in wrong else ''
        raise UserError(
            f'Expected class ids from 0 to {num_classes - 1} in {path}, but got {wrong[:_SHOWN]};{void} number the '
            'classes as the data set does.'
        )
    return pixels.astype(np.uint8, copy=False)
