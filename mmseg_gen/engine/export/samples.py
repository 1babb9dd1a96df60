"""The samples of a generated data set as an export sees them: image, label map, split."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_gen.engine.export.settings import MAX_CLASSES, ExportSettings
from mmseg_gen.errors import UserError
from mmseg_gen.functional.instances import VOID
from mmseg_gen.functional.manifest import (
    KEPT,
    Entry,
    label_classes,
    leave_out_uncertain,
    read_manifest,
    uncertain_share,
)

TRAIN, VAL = 'train', 'val'


@dataclass(frozen=True)
class ExportSample:
    """One sample.

    Attributes:
        number: From 1 in the order of the set; COCO's image id.
        name: Stem of its files.
        image: Its image file.
        mask: Its mask file.
        label: Label of the mask's foreground; None where the mask holds labels itself.
        split: 'train' or 'val'.
        prompt: Text it was generated from.
    """

    number: int
    name: str
    image: Path
    mask: Path
    label: int | None
    split: str
    prompt: str


def read_samples(root: Path, settings: ExportSettings) -> tuple[list[ExportSample], tuple[str, ...]]:
    """Return the kept samples of a data set and the names of the labels 1, 2, ...

    Raises:
        UserError: There is no finished sample, a sample's class is not among ``settings.classes``, a split is
            empty, or a file is missing.
    """
    entries = [entry for entry in read_manifest(root) if entry.status == KEPT]
    if not entries:
        raise UserError(
            f'Expected a generated data set in {root}, but it holds no finished sample; tools/synthesize.py makes one.'
        )
    settings = _with_mask_classes(root, settings)
    share = uncertain_share(root) if settings.drop_uncertain_share is None else settings.drop_uncertain_share
    chosen = leave_out_uncertain(entries, share)
    names = _label_names(entries, settings)
    samples = [_sample(root, entry, names, settings) for entry in chosen]
    _check_files(samples)
    for split in (TRAIN, VAL) if settings.val_share else (TRAIN,):
        if not any(sample.split == split for sample in samples):
            raise UserError(
                f'Expected `val_share` {settings.val_share} to leave samples in both splits, but {split} got none of '
                f'{len(samples)}; choose another share.'
            )
    return samples, names


def split_of(name: str, val_share: float) -> str:
    """Return the split of a sample, which depends on its name alone: a set that grows keeps its split.

    >>> split_of('000001_dog', 0.0)
    'train'
    """
    place = int.from_bytes(hashlib.sha256(name.encode('utf-8')).digest()[:8], 'big') / 2**64
    return VAL if place < val_share else TRAIN


def read_labels(sample: ExportSample, num_labels: int) -> np.ndarray:
    """Return a sample's label map, uint8 ``(H, W)``: 0 background, 255 void.

    Args:
        sample: The sample.
        num_labels: Number of labels besides background.

    Raises:
        UserError: The file is damaged, has colours instead of labels, values outside the range, or another
            size than the image.
    """
    try:
        with Image.open(sample.mask) as file:
            if file.mode not in ('1', 'L', 'P'):
                raise UserError(
                    f'Expected a mask of one 8-bit channel, but {sample.mask} has mode {file.mode}; save it as labels.'
                )
            values = np.array(file.convert('L') if file.mode == '1' else file)
        with Image.open(sample.image) as image:
            size = image.size
    except (OSError, SyntaxError) as error:
        raise UserError(f'Expected a readable image and mask, but got {sample.mask}: {error}') from error
    if values.shape[::-1] != size:
        raise UserError(
            f'Expected {sample.mask} to have the size of its image {size}, but got {values.shape[::-1]}; resize it '
            'with nearest neighbours.'
        )
    return _checked_labels(sample, values, num_labels)


def _checked_labels(sample: ExportSample, values: np.ndarray, num_labels: int) -> np.ndarray:
    found = np.flatnonzero(np.bincount(values.ravel(), minlength=256))
    if sample.label is not None:
        if set(found.tolist()) - {0, 255}:
            raise UserError(
                f'Expected {sample.mask} to hold 0 and 255, but got {found[:8].tolist()}; name the classes of index '
                'masks with --mask-classes.'
            )
        return np.where(values > 0, sample.label, 0).astype(np.uint8)
    wrong = [value for value in found.tolist() if num_labels < value < VOID]
    if wrong:
        raise UserError(
            f'Expected labels from 0 to {num_labels} and 255 (void) in {sample.mask}, but got {wrong[:8]}; complete '
            '--mask-classes.'
        )
    if num_labels and found.tolist() in ([0, 255], [255]):
        raise UserError(f'Expected labels in {sample.mask}, but got 0 and 255 alone; leave out --mask-classes.')
    return values


def _with_mask_classes(root: Path, settings: ExportSettings) -> ExportSettings:
    known = label_classes(root)
    if settings.mask_classes is not None or known is None:
        return settings
    # Refused beside `classes`: label maps fix the order themselves.
    return replace(settings, mask_classes=tuple(known))


def _label_names(entries: list[Entry], settings: ExportSettings) -> tuple[str, ...]:
    if settings.mask_classes is not None:
        if len(settings.mask_classes) < 2:
            raise UserError('Expected `mask_classes` to name background and at least one class, but got one name.')
        return settings.mask_classes[1:]
    shown = sorted({entry.class_name for entry in entries})
    if settings.classes is None:
        if len(shown) > MAX_CLASSES:
            raise UserError(f'Expected at most {MAX_CLASSES} classes in a set, but got {len(shown)}.')
        return tuple(shown)
    missing = [name for name in shown if name not in settings.classes]
    if missing:
        raise UserError(f'Expected `classes` to name every class of the set, but it lacks {", ".join(missing[:8])}.')
    return settings.classes


def _sample(root: Path, entry: Entry, names: tuple[str, ...], settings: ExportSettings) -> ExportSample:
    label = None if settings.mask_classes is not None else 1 + names.index(entry.class_name)
    image, mask = (root / entry.files[kind][0] for kind in ('image', 'mask'))
    split = split_of(entry.name, settings.val_share)
    return ExportSample(entry.index + 1, entry.name, image, mask, label, split, entry.prompt)


def _check_files(samples: list[ExportSample]) -> None:
    missing = [path for sample in samples for path in (sample.image, sample.mask) if not path.is_file()]
    if missing:
        raise UserError(
            f'Expected the files that the manifest names, but {len(missing)} are missing, {missing[0]} for one; run '
            'tools/synthesize.py again to make them.'
        )
