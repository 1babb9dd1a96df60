"""Where a class stands among a prompt's tokens, and prompts from a file of one's own."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_gen.errors import UserError

from .class_lists import CLASS_LISTS, ClassName, class_list
from .prompt_grammar import PromptGrammar, embedded_grammar, photo_grammar

__all__ = [
    'CLASS_LISTS',
    'ClassName',
    'Prompt',
    'PromptGrammar',
    'class_list',
    'class_token_positions',
    'embedded_grammar',
    'photo_grammar',
    'read_prompts_jsonl',
    'warn_of_spelling',
]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prompt:
    """A prompt and the class in it whose mask is wanted."""

    text: str
    class_name: str


def class_token_positions(tokenizer: Any, prompt: str, class_name: str) -> list[int]:
    """Return the positions of a class's tokens in the encoded prompt, the start token counted.

    The class "cat" of "a photo of a cat" gives [5]. A long word is several tokens, and a class may be several
    words; all mentions count. Case and runs of blanks do not matter; "cat" is not found in "cats".

    Args:
        tokenizer: A CLIP tokenizer; character offsets are used where it gives them.
        prompt: The prompt.
        class_name: One or more words of it.

    Raises:
        UserError: The class is empty, not in the prompt, or beyond the token limit.
    """
    words = class_name.split()
    if not words:
        raise UserError(f'Expected a class name, but got {class_name!r}.')
    pattern = r'(?<!\w)' + r'\s+'.join(re.escape(w) for w in words) + r'(?!\w)'
    spans = [m.span() for m in re.finditer(pattern, prompt, re.IGNORECASE)]
    if not spans:
        raise UserError(f'Expected the prompt to name its class {class_name!r}, but got {prompt!r}.')
    if getattr(tokenizer, 'is_fast', False):
        mentions = _by_offsets(tokenizer, prompt, spans)
    else:
        mentions = _by_ids(tokenizer, prompt, ' '.join(words))
    # The last place belongs to the end token of a prompt that is cut.
    last = tokenizer.model_max_length - 2
    whole = [positions for positions in mentions if positions and positions[-1] <= last]
    if not whole:
        raise UserError(
            f'Expected {class_name!r} among the first {last} tokens of its prompt, but it is cut off in '
            f'{prompt!r}; name it earlier.'
        )
    return [position for positions in whole for position in positions]


def warn_of_spelling(tokenizer: Any, name: str, model: str) -> None:
    """Log each word of a class that the tokenizer spells letter by letter: the model has hardly seen it.

    Args:
        tokenizer: Of the model.
        name: One or several words.
        model: Named in the log.
    """
    for word in name.split():
        if len(word) > 1 and len(tokenizer(word).input_ids) - 2 >= len(word):
            logger.warning('%s spells %r letter by letter; it may not know the word.', model, word)


def _by_offsets(tokenizer: Any, prompt: str, spans: Sequence[tuple[int, int]]) -> list[list[int]]:
    offsets = tokenizer(prompt, return_offsets_mapping=True, truncation=False).offset_mapping
    real = [(i, start, stop) for i, (start, stop) in enumerate(offsets) if start < stop]
    return [[i for i, start, stop in real if start < last and stop > first] for first, last in spans]


def _by_ids(tokenizer: Any, prompt: str, class_name: str) -> list[list[int]]:
    """Search the class's ids among the prompt's, for tokenizers without offsets (transformers 4, slow)."""
    ids = list(tokenizer(prompt, truncation=False).input_ids)
    wanted = list(tokenizer(class_name, truncation=False).input_ids)[1:-1]
    starts = [i for i in range(len(ids)) if ids[i : i + len(wanted)] == wanted]
    return [[*range(i, i + len(wanted))] for i in starts]


def read_prompts_jsonl(path: str | Path) -> list[Prompt]:
    """Return prompts of one's own: lines ``{"prompt": "a photo of a cat on a sofa", "class": "cat"}``.

    Args:
        path: The file; empty lines are skipped.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: The file holds no prompt, or a line is no such object; the text names file and line.
    """
    found = []
    for number, line in enumerate(Path(path).read_text(encoding='utf-8').splitlines(), 1):
        if line.strip():
            found.append(_parse(line, f'{path}:{number}'))
    if not found:
        raise UserError(f'Expected at least one prompt in {path}, but got none.')
    return found


def _parse(line: str, place: str) -> Prompt:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(f'Expected one JSON object a line, but got {line[:80]!r} at {place} ({error}).') from error
    fields = [entry.get(key) for key in ('prompt', 'class')] if isinstance(entry, dict) else [None]
    if not all(isinstance(f, str) and f.strip() for f in fields):
        raise UserError(f'Expected the texts "prompt" and "class" at {place}, but got {line[:80]!r}.')
    return Prompt(*fields)
