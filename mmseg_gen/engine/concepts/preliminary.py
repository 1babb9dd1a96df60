"""Preliminary masks of photos from mean attention (fobadiffusion, Sec. 3): the first stage."""

from __future__ import annotations

import io
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmseg_gen.datasets.index_png import encode_index_png
from mmseg_gen.engine.concepts.photos import Photo
from mmseg_gen.engine.concepts.records import make_records
from mmseg_gen.engine.concepts.settings import ConceptSettings
from mmseg_gen.engine.concepts.stage import (
    MAPS,
    MASKS,
    NO_RECTANGLE,
    Read,
    canvas_of,
    load_generator,
    run_prompt,
    word_notes,
    write_file,
)
from mmseg_gen.engine.seeding import sample_rng, sample_seed
from mmseg_gen.functional.background_rectangle import draw_background_crop
from mmseg_gen.functional.canvas import resize_labels, resize_map
from mmseg_gen.functional.concept_labels import FOUND, ConceptLabels, label_concepts
from mmseg_gen.functional.photo_records import PhotoRecord

if TYPE_CHECKING:
    from mmseg_gen.generators.parts import Parts

SECTIONS = ('evidence', 'labeller')


def label_preliminary(
    photos: Sequence[Photo], settings: ConceptSettings, folder: Path, parts: Parts | None = None
) -> dict[str, PhotoRecord]:
    """Write ``masks/NAME.png``, ``maps/NAME.npy`` and the manifest; return the records of the photos by name.

    Masks are label maps of each photo's own size, 0 background, i the i-th concept. Maps are float16 ``(G, h, w)``.
    What is there stays, and other processes may share the work.

    Args:
        photos: Sorted by name.
        settings: Of the run.
        folder: Where to write.
        parts: The model; None loads it where something is to be done.

    Raises:
        UserError: The folder was begun with other settings, or a word is not in the prompt.
    """
    return make_records(
        folder,
        settings.identity(*SECTIONS),
        photos,
        lambda: _Worker(parts or load_generator(settings), settings, folder).records,
        size=settings.batch_size,
        title='preliminary masks',
    )


def label_maps(maps: np.ndarray, settings: ConceptSettings, canvas: tuple[int, int]) -> ConceptLabels:
    """Return the labels of one photo's maps, on the grid that the settings name.

    Args:
        maps: ``(G, h, w)``.
        settings: Of the run.
        canvas: Height and width at which the model saw the photo.
    """
    values = maps.astype(np.float32)
    if settings.labeller.grid == 'canvas':
        values = np.stack([resize_map(m, canvas) for m in values])
    return label_concepts(values, settings.labeller.mixture)


class _Worker:
    """Takes the maps of batches and writes what comes of each photo."""

    def __init__(self, parts: Parts, settings: ConceptSettings, folder: Path) -> None:
        from mmseg_gen.generators.mean_attention import MeanAttention

        self.parts, self.settings, self.folder = parts, settings, folder
        self.canvas, self.prompt = canvas_of(parts, settings), run_prompt(parts, settings)
        self.notes = word_notes(parts, settings)
        own = settings.evidence
        self.attention = MeanAttention(parts, own.steps, own.max_steps, own.num_samples, own.max_batch)

    def records(self, batch: Sequence[Read], wanted: AbstractSet[str]) -> list[PhotoRecord]:
        """Return the records of those photos of a batch that are wanted, when their files are written."""
        pairs = zip(batch, self.maps(batch), strict=True)
        return [self.write(read, maps) for read, maps in pairs if read.photo.name in wanted]

    def maps(self, batch: Sequence[Read]) -> np.ndarray:
        """Return the maps of a batch, float16 ``(N, G, h, w)``."""
        from mmseg_gen.generators.inpainting import canvas_tensor
        from mmseg_gen.generators.latents import encode_images

        latents = encode_images(self.parts, canvas_tensor([read.pixels for read in batch], self.canvas))
        seeds = [sample_seed(self.settings.seed, read.photo.name, 0) for read in batch]
        return self.attention.maps(latents, [self.prompt] * len(batch), seeds).numpy().astype(np.float16)

    def write(self, read: Read, maps: np.ndarray) -> PhotoRecord:
        """Write one photo's files and return its record."""
        found, name = label_maps(maps, self.settings, self.canvas), read.photo.name
        files = {'map': write_file(self.folder, MAPS, name, '.npy', _npy(maps))}
        outcome, notes = found.outcome, list(self.notes)
        if outcome == FOUND:
            mask = resize_labels(found.labels, read.pixels.shape[:2])
            files['mask'] = write_file(self.folder, MASKS, name, '.png', encode_index_png(mask))
            if not self._has_rectangle(found.labels, name):
                notes.append(NO_RECTANGLE)
        measures = {'area': round(float((found.labels > 0).mean()), 6), 'uncertainty': round(found.uncertainty, 6)}
        return PhotoRecord(name, str(read.photo.path), outcome, files, measures, tuple(notes))

    def _has_rectangle(self, labels: np.ndarray, name: str) -> bool:
        rng = sample_rng(sample_seed(self.settings.seed, name, 0), 'rectangle')
        return draw_background_crop(labels > 0, rng).outcome == 'rectangle'


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()
