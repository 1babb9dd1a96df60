"""The samples a report shows: which ones, and their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmseg_gen.datasets.image_reading import read_image
from mmseg_gen.datasets.label_reading import decode_labels
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import KEPT, Entry, label_classes
from mmseg_gen.functional.scene_evidence import load_evidence
from mmseg_gen.visualization.report_pictures import (
    Picture,
    background_picture,
    data_picture,
    evidence_pictures,
    map_pictures,
    paint_labels,
)

FAILED = 'failed: '


@dataclass(frozen=True)
class Card:
    """A sample in a page; ``problem`` says why pictures are missing."""

    entry: Entry
    pictures: list[Picture] = field(default_factory=list)
    problem: str = ''


@dataclass(frozen=True)
class Section:
    """A part of the gallery: samples of one kind, of ``total`` in all."""

    title: str
    text: str
    entries: list[Entry]
    total: int


def choose_samples(entries: Sequence[Entry], max_samples: int) -> list[Section]:
    """Return what to show of a data set, hard samples first, at most ``max_samples`` in all.

    Half of the room goes to the most uncertain kept samples, a quarter to dropped ones that have an image, the rest to
    kept ones at even steps through the others; room that one part does not need goes to the next.

    Raises:
        UserError: ``max_samples`` is negative.
    """
    if max_samples < 0:
        raise UserError(f'Expected `max_samples` of at least 0, but got {max_samples}.')
    kept = [entry for entry in entries if entry.status == KEPT]
    dropped = [entry for entry in entries if entry.status != KEPT and 'image' in entry.files]
    rated = [entry for entry in kept if 'uncertainty' in entry.measures]
    uncertain = sorted(rated, key=lambda e: (-e.measures['uncertainty'], e.index))[: max_samples // 2]
    out = dropped[: min(max_samples // 4, max_samples - len(uncertain))]
    shown = {entry.index for entry in uncertain}
    others = [entry for entry in kept if entry.index not in shown]
    room = max_samples - len(uncertain) - len(out)
    steps = np.linspace(0, len(others) - 1, min(room, len(others))).round().astype(int)
    sections = [
        Section(
            'Most uncertain', 'Kept samples whose labels are least certain, the worst first.', uncertain, len(kept)
        ),
        Section('Dropped', 'Left out of training for the reason given.', out, len(dropped)),
        Section('Others', 'Kept samples at even steps through the rest.', [others[i] for i in steps], len(others)),
    ]
    return [section for section in sections if section.entries]


def make_card(root: Path, entry: Entry) -> Card:
    """Return a sample with its pictures: image, mask over image, evidence, as far as they are stored."""
    try:
        return Card(entry, _pictures(root, entry))
    except (ValueError, OSError) as error:
        return Card(entry, problem=str(error))


def read_mask(path: Path) -> np.ndarray:
    """Return a mask's labels, uint8 ``(H, W)``: masks of 0 and 255 become 0 and 1.

    Raises:
        UserError: The file is damaged, or has colours.
    """
    values = decode_labels(path.read_bytes(), path)
    if values.ndim != 2 or values.dtype != np.uint8:
        raise UserError(f'Expected a mask of one 8-bit channel in {path}, but got {values.dtype} {values.shape}.')
    found = np.flatnonzero(np.bincount(values.ravel(), minlength=256))
    return (values > 0).astype(np.uint8) if set(found.tolist()) <= {0, 255} else values


def _pictures(root: Path, entry: Entry) -> list[Picture]:
    paths = {kind: root / path for kind, (path, _) in entry.files.items()}
    if 'image' not in paths:
        return []
    image = read_image(paths['image'])
    pictures, size = [data_picture(image, 'image', f'Image of {entry.class_name}: {entry.prompt}')], image.shape[:2]
    if 'mask' in paths:
        labels = read_mask(paths['mask'])
        share = f'{100 * np.mean((labels > 0) & (labels < 255)):.0f} %'
        painted = paint_labels(image, labels)
        pictures.append(data_picture(painted, 'mask', f'The same image with its mask, {share} of the area, in colour'))
    if 'evidence' in paths:
        evidence = load_evidence(paths['evidence'])
        pictures += evidence_pictures(evidence, size, _words(root, entry, getattr(evidence, 'class_ids', ())))
    if 'map' in paths:
        maps = np.load(paths['map'], allow_pickle=False).astype(np.float32)
        pictures += map_pictures(list(maps), size, entry.class_names or (entry.class_name,))
    if 'background' in paths:
        pictures.append(background_picture(read_image(paths['background'])))
    return pictures


def _words(root: Path, entry: Entry, ids: Sequence[int]) -> Sequence[str]:
    """Return the words of evidence that has a map for each of these labels; of one class it has none."""
    names = label_classes(root) or []
    return [names[i] for i in ids if i < len(names)] if ids else (entry.class_name,)
