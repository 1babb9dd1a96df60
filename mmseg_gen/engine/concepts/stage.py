"""What the stages share: settings that must not change in between, files of photos, words that are odd."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmseg_gen.engine.concepts.photos import Photo
from mmseg_gen.engine.concepts.settings import ConceptSettings
from mmseg_gen.engine.setting_values import first_difference
from mmseg_gen.errors import UserError
from mmseg_gen.functional.writing import write_bytes

if TYPE_CHECKING:
    from mmseg_gen.generators.mean_attention import ConceptPrompt
    from mmseg_gen.generators.parts import Parts

STAGE = 'stage.json'
MASKS, MAPS, BACKGROUNDS = FILE_KINDS = ('masks', 'maps', 'backgrounds')
UNREADABLE, NO_RECTANGLE, SEVERAL_TOKENS, UNKNOWN_WORD = 'unreadable', 'no_rectangle', 'several_tokens', 'unknown_word'


@dataclass(frozen=True)
class Read:
    """A photo as it was read: its pixels, RGB uint8 ``(H, W, 3)``."""

    photo: Photo
    pixels: np.ndarray


def claim_stage(folder: Path, identity: Mapping[str, Any], *, anew: bool = False) -> None:
    """Write down what a stage is made with, or check that it is the same as when the folder was begun.

    Args:
        folder: Of the stage.
        identity: What it is made with, as JSON.
        anew: Whether nothing has been made there yet, so that what was written down does not count.

    Raises:
        UserError: A setting differs; the text names it.
    """
    path, wanted = folder / STAGE, json.loads(json.dumps(identity, sort_keys=True))
    if path.is_file() and not anew:
        name = first_difference(json.loads(path.read_text(encoding='utf-8')), wanted)
        if name is not None:
            raise UserError(
                f'Expected the `{name}` with which {folder} was begun (see {path.name} there), but got another; choose '
                'another folder, or the same settings.'
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(path, (json.dumps(wanted, indent=1, sort_keys=True) + '\n').encode('utf-8'), _tag())


def write_file(folder: Path, kind: str, name: str, suffix: str, content: bytes) -> tuple[str, int]:
    """Write ``kind/name.suffix`` under a folder, ``kind`` of ``FILE_KINDS``; return its path below it and its size."""
    path = Path(kind) / f'{name}{suffix}'
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    return path.as_posix(), write_bytes(folder / path, content, _tag())


def _tag() -> str:
    # Several processes may write the same file at the same time.
    return f'{uuid.uuid4().hex}-'


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
