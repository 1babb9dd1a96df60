"""What the stages share: settings that must not change in between, batches of photos, words that are odd."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from mmseg_gen.datasets.image_reading import check_photo, read_image
from mmseg_gen.engine.concepts.photos import Photo
from mmseg_gen.engine.concepts.settings import ConceptSettings
from mmseg_gen.engine.settings import first_difference
from mmseg_gen.errors import UserError
from mmseg_gen.functional.photo_records import PhotoRecord, RecordBook
from mmseg_gen.functional.writing import write_bytes

if TYPE_CHECKING:
    from mmseg_gen.generators.mean_attention import ConceptPrompt
    from mmseg_gen.generators.parts import Parts

STAGE = 'stage.json'
UNREADABLE, NO_RECTANGLE, SEVERAL_TOKENS, UNKNOWN_WORD = 'unreadable', 'no_rectangle', 'several_tokens', 'unknown_word'


@dataclass(frozen=True)
class Read:
    """A photo as it was read: its pixels, RGB uint8 ``(H, W, 3)``."""

    photo: Photo
    pixels: np.ndarray


def claim_stage(folder: Path, identity: Mapping[str, Any]) -> None:
    """Write down what a stage is made with, or check that it is the same as when the folder was begun.

    Raises:
        UserError: A setting differs; the text names it.
    """
    path, wanted = folder / STAGE, json.loads(json.dumps(identity, sort_keys=True))
    if path.is_file():
        name = first_difference(json.loads(path.read_text(encoding='utf-8')), wanted)
        if name is not None:
            raise UserError(
                f'Expected the `{name}` with which {folder} was begun (see {path.name} there), but got another; choose '
                'another --work-dir, or the same settings.'
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(path, (json.dumps(wanted, indent=1, sort_keys=True) + '\n').encode('utf-8'))


def unfinished_batches(
    photos: Sequence[Photo], book: RecordBook, size: int, title: str
) -> Iterator[tuple[list[Read], list[Photo]]]:
    """Yield batches of photos that were read, and those of them that have no record yet; unreadable ones get theirs.

    Batches are consecutive photos and are yielded whole where one of them is missing: networks round differently in
    batches of another make-up, and a resumed run shall give the same bytes.

    Args:
        photos: All, sorted.
        book: The records so far.
        size: Photos in a batch.
        title: Of the progress bar.
    """
    done = sum(photo.name in book.records for photo in photos)
    with tqdm(total=len(photos), initial=done, desc=title, unit='photo', disable=None) as bar:
        for start in range(0, len(photos), size):
            batch = photos[start : start + size]
            missing = [photo for photo in batch if photo.name not in book.records]
            if not missing:
                continue
            found: list[Read] = []
            for photo in batch:
                try:
                    found.append(Read(photo, check_photo(read_image(photo.path))))
                except (OSError, ValueError) as error:
                    if photo in missing:
                        book.append(PhotoRecord(photo.name, str(photo.path), UNREADABLE, detail=str(error)))
            if found:
                yield found, [photo for photo in missing if photo.name not in book.records]
            bar.update(len(missing))


def write_file(folder: Path, kind: str, name: str, suffix: str, content: bytes) -> tuple[str, int]:
    """Write ``kind/name.suffix`` under a folder; return its path below the folder and its size."""
    path = Path(kind) / f'{name}{suffix}'
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    return path.as_posix(), write_bytes(folder / path, content)


def canvas_of(parts: Parts, settings: ConceptSettings) -> tuple[int, int]:
    """Return height and width at which the model sees a photo.

    Raises:
        UserError: A side is no multiple of the model's latents.
    """
    canvas = settings.canvas or (parts.default_size, parts.default_size)
    if any(side % parts.latent_scale or side < parts.latent_scale for side in canvas):
        raise UserError(f'Expected `concept.canvas` of multiples of {parts.latent_scale}, but got {canvas}.')
    return canvas


def run_prompt(parts: Parts, settings: ConceptSettings) -> ConceptPrompt:
    """Return the run's prompt, encoded."""
    from mmseg_gen.generators.mean_attention import concept_prompt

    return concept_prompt(parts, settings.prompt, settings.concepts)


def word_notes(parts: Parts, settings: ConceptSettings) -> tuple[str, ...]:
    """Return what is odd about the run's words: 'several_tokens', or 'unknown_word' for one spelled by letters."""
    notes = set()
    for word in (word for words in settings.concepts for text in words for word in text.split()):
        tokens = len(parts.tokenizer(word).input_ids) - 2
        if tokens > 1:
            notes.add(UNKNOWN_WORD if tokens >= len(word) else SEVERAL_TOKENS)
    return tuple(sorted(notes))


def load_generator(settings: ConceptSettings, folder: str | Path | None = None) -> Parts:
    """Return the run's model, or one in a folder.

    Raises:
        UserError: There is none, or ``dtype`` is not known.
    """
    import torch

    from mmseg_gen.generators.parts import load_parts

    dtypes = {'float32': torch.float32, 'float16': torch.float16, 'bfloat16': torch.bfloat16}
    if settings.dtype not in dtypes:
        raise UserError(f'Expected `concept.dtype` from {", ".join(dtypes)}, but got {settings.dtype!r}.')
    device = settings.device or ('cuda' if torch.cuda.is_available() else 'cpu')
    revision = settings.revision if folder is None else None
    return load_parts(folder or settings.generator, revision=revision, device=device, dtype=dtypes[settings.dtype])
