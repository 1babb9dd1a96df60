"""AttentionCut on a folder of photos, of one class or of several, as a data set to train on."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmseg_gen.api.attention_cut import AttentionCutSegmenter
from mmseg_gen.datasets.index_png import encode_index_png
from mmseg_gen.engine.concepts.photos import Photo
from mmseg_gen.engine.concepts.records import make_records
from mmseg_gen.engine.concepts.settings import ConceptSettings
from mmseg_gen.engine.concepts.stage import MASKS, Read, load_generator, word_notes, write_file
from mmseg_gen.engine.seeding import sample_seed
from mmseg_gen.functional.canvas import resize_labels
from mmseg_gen.functional.concept_labels import FOUND
from mmseg_gen.functional.gaussian_mixture import mask_outcome
from mmseg_gen.functional.multiclass import SceneSettings, label_scene
from mmseg_gen.functional.photo_records import PhotoRecord

if TYPE_CHECKING:
    from mmseg_gen.generators.parts import Parts


def label_by_cut(
    photos: Sequence[Photo], settings: ConceptSettings, folder: Path, *, steps: int = 40
) -> dict[str, PhotoRecord]:
    """Write ``masks/NAME.png`` by AttentionCut and the manifest; return the records by name.

    What is there stays, and other processes may share the work.

    Several classes compete as :func:`~mmseg_gen.functional.multiclass.label_scene` says.

    Args:
        photos: Sorted by name.
        settings: Of the run; ``evidence`` and ``refine`` are not used.
        folder: Where to write.
        steps: DDIM steps of the inversion.

    Raises:
        UserError: The folder was begun with other settings, or a class is not in the prompt.
    """

    def load():
        parts = load_generator(settings)
        cut, notes = _PhotoCut(parts, settings, steps), word_notes(parts, settings)

        def make(batch: Sequence[Read], wanted: AbstractSet[str]) -> list[PhotoRecord]:
            return [_label(read, cut, settings, folder, notes) for read in batch if read.photo.name in wanted]

        return make

    identity = {**settings.identity('labeller'), 'method': 'attention-cut', 'inversion_steps': steps}
    return make_records(folder, identity, photos, load, size=1, title='AttentionCut')


def _label(read: Read, cut: _PhotoCut, settings: ConceptSettings, folder: Path, notes: tuple[str, ...]) -> PhotoRecord:
    """Write one photo's mask, where it shows something, and return its record."""
    labels = cut(read.pixels, sample_seed(settings.seed, read.photo.name, 0))
    name, outcome = read.photo.name, mask_outcome(labels > 0)
    found = outcome == FOUND
    files = {'mask': write_file(folder, MASKS, name, '.png', encode_index_png(labels))} if found else {}
    measures = {'area': round(float((labels > 0).mean()), 6)}
    return PhotoRecord(name, str(read.photo.path), outcome, files, measures, notes)


class _PhotoCut:
    """Label maps of photos by AttentionCut."""

    def __init__(self, parts: Parts, settings: ConceptSettings, steps: int) -> None:
        from mmseg_gen.generators.prompts import class_token_positions

        self.classes = [words[0] for words in settings.concepts]
        self.segmenter = AttentionCutSegmenter(parts, self.classes[0], prompt=settings.prompt, steps=steps)
        self.positions = [class_token_positions(parts.tokenizer, settings.prompt, name) for name in self.classes]
        self.scene = SceneSettings(min_contrast=settings.labeller.min_contrast)

    def __call__(self, image: np.ndarray, seed: int) -> np.ndarray:
        """Return the label map of a photo, uint8 of its own size."""
        segmenter = self.segmenter
        if len(self.classes) == 1:
            segmenter.seed = seed
            return segmenter(image).mask.astype(np.uint8)
        seen = segmenter.seen(image)
        evidence = self._collect(seen, seed)
        return resize_labels(label_scene(evidence, seen, segmenter.settings, self.scene).labels, image.shape[:2])

    def _collect(self, image: np.ndarray, seed: int):
        from mmseg_gen.generators.scene_evidence import collect_scene_evidence

        settings = self.segmenter.settings
        return collect_scene_evidence(
            self.segmenter.record(image),
            [self.positions],
            [tuple(range(1, len(self.classes) + 1))],
            top_k=settings.top_k,
            tau=settings.tau,
            num_seeds=settings.num_seeds,
            seeds=[seed],
        )[0]
