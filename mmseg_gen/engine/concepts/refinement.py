"""Refined masks: what of a photo changes when its object is painted over (fobadiffusion, Eq. 5-6, App. E)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmseg_gen.datasets.index_png import encode_index_png
from mmseg_gen.datasets.label_reading import decode_labels
from mmseg_gen.engine.concepts.photos import Photo
from mmseg_gen.engine.concepts.records import make_records
from mmseg_gen.engine.concepts.settings import ConceptSettings
from mmseg_gen.engine.concepts.stage import (
    BACKGROUNDS,
    MASKS,
    NO_RECTANGLE,
    Read,
    canvas_of,
    load_generator,
    write_file,
)
from mmseg_gen.engine.seeding import sample_seed
from mmseg_gen.errors import UserError
from mmseg_gen.functional.concept_labels import FOUND, refine_labels
from mmseg_gen.functional.inpainting import difference_map, fill_with_background
from mmseg_gen.functional.photo_records import PhotoRecord, read_records
from mmseg_gen.functional.writing import encode_png

if TYPE_CHECKING:
    from mmseg_gen.generators.parts import Parts

__all__ = ['label_refined', 'paint_backgrounds', 'read_labels']


def label_refined(
    preliminary: Path,
    settings: ConceptSettings,
    folder: Path,
    *,
    photos: Sequence[Photo],
    generator: str | Path | None = None,
    parts: Parts | None = None,
    identity: Mapping[str, Any] | None = None,
) -> dict[str, PhotoRecord]:
    """Write ``masks/NAME.png``, ``backgrounds/NAME.png`` and the manifest; return the records of the photos by name.

    Photos without a preliminary mask keep their outcome. The difference map is that of photo and background. What is
    there stays, and other processes may share the work.

    Args:
        preliminary: What :func:`~mmseg_gen.engine.concepts.preliminary.label_preliminary` wrote.
        settings: Of the run.
        folder: Where to write.
        photos: Sorted by name, all of them in ``preliminary``.
        generator: Folder of the model that paints, the fine-tuned one; None for the run's own.
        parts: The model, loaded; None loads it where something is to be done.
        identity: Further JSON values that decide the result.

    Raises:
        UserError: The folder was begun with other settings, or a photo is not in ``preliminary``.
    """
    before = read_records(preliminary)
    lacking = [photo.name for photo in photos if photo.name not in before]
    if lacking:
        raise UserError(
            f'Expected preliminary masks of all photos in {preliminary}, but {lacking[0]} has none; run the stage '
            '`preliminary` first.'
        )
    others = [own for own in (before[photo.name] for photo in photos) if own.outcome != FOUND]

    def load():
        painter = parts or load_generator(settings, generator) if settings.refine.method == 'inpaint' else None
        return _Worker(painter, settings, folder, preliminary, before).records

    return make_records(
        folder,
        {**settings.identity('evidence', 'labeller', 'refine'), **(identity or {})},
        photos,
        load,
        size=settings.batch_size,
        title='refined masks',
        ready={own.name: PhotoRecord(own.name, own.image, own.outcome, detail=own.detail) for own in others},
    )


def read_labels(path: Path) -> np.ndarray:
    """Return a stored label map, uint8 ``(H, W)``.

    Raises:
        UserError: The file is damaged.
    """
    return decode_labels(path.read_bytes(), path)


class _Worker:
    """Paints backgrounds in batches and writes what comes of each photo."""

    def __init__(
        self,
        parts: Parts | None,
        settings: ConceptSettings,
        folder: Path,
        preliminary: Path,
        before: Mapping[str, PhotoRecord],
    ) -> None:
        self.parts, self.settings, self.folder = parts, settings, folder
        self.preliminary, self.before = preliminary, before

    def records(self, batch: Sequence[Read], wanted: AbstractSet[str]) -> list[PhotoRecord]:
        """Return the records of those photos of a batch that are wanted, when their files are written."""
        pairs = zip(batch, self.backgrounds(batch), strict=True)
        return [self.write(read, background) for read, background in pairs if read.photo.name in wanted]

    def backgrounds(self, batch: Sequence[Read]) -> list[np.ndarray | None]:
        """Return each photo without its objects; None where there is no background to take."""
        masks = [self._labels(read.photo.name) > 0 for read in batch]
        if self.parts is None:
            return [fill_with_background(read.pixels, mask) for read, mask in zip(batch, masks, strict=True)]
        seeds = [sample_seed(self.settings.seed, read.photo.name, 1) for read in batch]
        return list(paint_backgrounds(self.parts, [read.pixels for read in batch], masks, self.settings, seeds))

    def write(self, read: Read, background: np.ndarray | None) -> PhotoRecord:
        """Write one photo's files and return its record."""
        name, path = read.photo.name, str(read.photo.path)
        if background is None:
            return PhotoRecord(name, path, NO_RECTANGLE)
        files = {'background': write_file(self.folder, BACKGROUNDS, name, '.png', encode_png(background))}
        difference = difference_map(read.pixels, background)
        found = refine_labels(difference, self._labels(name), self.settings.refine.mixture)
        if found.outcome == FOUND:
            files['mask'] = write_file(self.folder, MASKS, name, '.png', encode_index_png(found.labels))
        measures = {
            'area': round(float((found.labels > 0).mean()), 6),
            'difference': round(float(difference.mean()), 6),
            'uncertainty': round(found.uncertainty, 6),
        }
        return PhotoRecord(name, path, found.outcome, files, measures)

    def _labels(self, name: str) -> np.ndarray:
        return read_labels(self.before[name].path(self.preliminary, 'mask'))


def paint_backgrounds(
    parts: Parts,
    photos: Sequence[np.ndarray],
    masks: Sequence[np.ndarray],
    settings: ConceptSettings,
    seeds: Sequence[int],
) -> list[np.ndarray]:
    """Return photos with their masks painted over as the run's background, each RGB uint8 of its photo's size.

    Args:
        parts: The model.
        photos: RGB uint8.
        masks: Bool, over the whole of each photo.
        settings: Of the run.
        seeds: One for each photo.
    """
    from mmseg_gen.generators.conditioning import as_conditioning
    from mmseg_gen.generators.inpainting import inpaint_photos
    from mmseg_gen.generators.text import encode_prompts

    own, canvas = settings.refine, canvas_of(parts, settings)
    context = as_conditioning(encode_prompts(parts, [settings.background])).expand(len(photos))
    opposite = None if own.guidance == 1 else encode_prompts(parts, [settings.prompt])
    return inpaint_photos(
        parts, photos, masks, canvas, context, seeds, steps=own.steps, guidance=own.guidance, opposite=opposite
    )
