"""AttentionCut on a folder of photos, of one class or of several, as a data set to train on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmseg_gen.api.attention_cut import AttentionCutSegmenter
from mmseg_gen.datasets.image_reading import model_size
from mmseg_gen.datasets.index_png import encode_index_png
from mmseg_gen.engine.concepts.photos import Photo
from mmseg_gen.engine.concepts.settings import ConceptSettings
from mmseg_gen.engine.concepts.stage import claim_stage, load_generator, unfinished_batches, word_notes, write_file
from mmseg_gen.engine.seeding import sample_seed
from mmseg_gen.functional.canvas import resize_map
from mmseg_gen.functional.concept_labels import FOUND, resize_labels
from mmseg_gen.functional.gaussian_mixture import mask_outcome
from mmseg_gen.functional.multiclass import SceneSettings, label_scene
from mmseg_gen.functional.photo_records import PhotoRecord, RecordBook, read_records

if TYPE_CHECKING:
    from mmseg_gen.generators.parts import Parts


def label_by_cut(
    photos: Sequence[Photo], settings: ConceptSettings, folder: Path, *, steps: int = 40
) -> dict[str, PhotoRecord]:
    """Write ``masks/NAME.png`` by AttentionCut and the manifest; return the records by name. What is there stays.

    Several classes compete as :func:`~mmseg_gen.functional.multiclass.label_scene` says.

    Args:
        photos: Sorted by name.
        settings: Of the run; ``evidence`` and ``refine`` are not used.
        folder: Where to write.
        steps: DDIM steps of the inversion.

    Raises:
        UserError: The folder was begun with other settings, or a class is not in the prompt.
    """
    claim_stage(folder, {**settings.identity('labeller'), 'method': 'attention-cut', 'inversion_steps': steps})
    known = read_records(folder)
    if all(photo.name in known for photo in photos):
        return {photo.name: known[photo.name] for photo in photos}
    parts = load_generator(settings)
    cut = _PhotoCut(parts, settings, steps)
    notes = word_notes(parts, settings)
    with RecordBook(folder) as book:
        for batch, missing in unfinished_batches(photos, book, 1, 'AttentionCut'):
            for read in batch:
                if read.photo not in missing:
                    continue
                labels = cut(read.pixels, sample_seed(settings.seed, read.photo.name, 0))
                name, outcome = read.photo.name, mask_outcome(labels > 0)
                mask = write_file(folder, 'masks', name, '.png', encode_index_png(labels))
                files = {'mask': mask} if outcome == FOUND else {}
                measures = {'area': round(float((labels > 0).mean()), 6)}
                book.append(PhotoRecord(name, str(read.photo.path), outcome, files, measures, notes))
    return {photo.name: book.records[photo.name] for photo in photos}


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
        size = image.shape[:2]
        side = max(segmenter.multiple, segmenter.parts.default_size // segmenter.multiple * segmenter.multiple)
        seen = resize_map(image, model_size(size, side, segmenter.multiple))
        evidence = self._collect(seen, seed)
        return resize_labels(label_scene(evidence, seen, segmenter.settings, self.scene).labels, size)

    def _collect(self, image: np.ndarray, seed: int):
        import torch

        from mmseg_gen.generators.capture import AttentionRecorder
        from mmseg_gen.generators.inpainting import canvas_tensor
        from mmseg_gen.generators.inversion import invert_latents
        from mmseg_gen.generators.latents import encode_images
        from mmseg_gen.generators.scene_evidence import collect_scene_evidence

        own, parts = self.segmenter, self.segmenter.parts
        with torch.no_grad():
            latents = encode_images(parts, canvas_tensor([image], (image.shape[0], image.shape[1])))
            recorder = AttentionRecorder(parts.unet, latents.shape[-2:])
            invert_latents(parts, latents, own.context, steps=own.steps, recorder=recorder)
            return collect_scene_evidence(
                recorder,
                [self.positions],
                [tuple(range(1, len(self.classes) + 1))],
                top_k=own.settings.top_k,
                tau=own.settings.tau,
                num_seeds=own.settings.num_seeds,
                seeds=[seed],
            )[0]
