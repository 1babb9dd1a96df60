"""Prompts written by a language model of this machine: one class in many scenes (DiffusionSeg, Sec. 3.2).

They are kept in a JSONL file that :func:`~mmseg_gen.generators.prompts.read_prompts_jsonl` reads. Each line holds a
key of the settings, so that a file can be gone on with, but not by other settings.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmseg_gen.errors import UserError
from mmseg_gen.functional.writing import write_bytes

from .prompt_grammar import with_articles
from .prompts import Prompt, class_token_positions

# (instruction, start, count, seed) -> ``count`` continuations of the start, a function of these four only.
Writer = Callable[[str, str, int, int], list[str]]

_QUOTES = '"\'\u201c\u201d\u2018\u2019'
# Numbers, bullets and quotation marks that models put before an item of a list.
_BULLET = re.compile(rf'^(?:\s|[-*\u2022{_QUOTES}]|\d+[.):])+')
_CLOSING = f' \t{_QUOTES}.,;:'


@dataclass(frozen=True)
class PromptWriting:
    """How prompts are asked for.

    Attributes:
        instruction: What the model is told, with ``{class}``.
        start: How every prompt begins; with ``{class}`` in it every prompt names its class. May be empty.
        seed: The same seed and model give the same prompts.
        max_new_tokens: Length of a continuation at most, in the model's tokens.
        temperature: Above 0; higher is more varied.
        top_p: Share of the probability that words are drawn from, in (0, 1].
        batch: Texts asked for at once.
        tries: Texts asked for at most, for each prompt that is wanted.

    Raises:
        UserError: A value is out of its range, or neither text has ``{class}``.
    """

    instruction: str = 'Captions of different photos of a {class}, each with its surroundings, one a line:\n'
    start: str = 'a photo of a {class}'
    seed: int = 0
    max_new_tokens: int = 24
    temperature: float = 1.0
    top_p: float = 0.9
    batch: int = 16
    tries: int = 10

    def __post_init__(self) -> None:
        if '{class}' not in self.instruction + self.start:
            raise UserError(f'Expected `instruction` or `start` with {{class}}, but got {self.instruction!r}.')
        for name in ('max_new_tokens', 'batch', 'tries'):
            if getattr(self, name) < 1:
                raise UserError(f'Expected `{name}` to be 1 or more, but got {getattr(self, name)}.')
        if not (self.temperature > 0 and 0 < self.top_p <= 1):
            raise UserError(
                f'Expected `temperature` above 0 and `top_p` in (0, 1], but got {self.temperature} and {self.top_p}.'
            )


def write_prompts(
    writer: Writer, class_name: str, count: int, tokenizer: Any, settings: PromptWriting | None = None
) -> list[str]:
    """Return different prompts that name the class where the image model reads it.

    More of them begin with the fewer.

    Args:
        writer: See :class:`~mmseg_gen.generators.language_model.LanguageModel`.
        class_name: One or more words.
        count: Number of prompts, at least 1.
        tokenizer: The image model's: a prompt whose class is missing or cut off is left out.
        settings: None for the defaults.

    Raises:
        UserError: The model does not give so many; the text says what to change.
    """
    settings = settings or PromptWriting()
    if count < 1:
        raise UserError(f'Expected `count` to be 1 or more, but got {count}.')
    start = _fill(settings.start, class_name)
    found: dict[str, str] = {}
    for turn in range(-(-count * settings.tries // settings.batch)):
        seed = _seed(settings.seed, class_name, turn)
        for text in writer(_fill(settings.instruction, class_name), start, settings.batch, seed):
            prompt = clean_prompt(start + text)
            if names_class(tokenizer, prompt, class_name):
                found.setdefault(prompt.casefold(), prompt)
        if len(found) >= count:
            return list(found.values())[:count]
    raise UserError(
        f'Expected {count} different prompts that name {class_name!r}, but the model gave {len(found)} in '
        f'{settings.tries} tries each; raise `temperature` or `tries`, ask for fewer, or change `instruction`.'
    )


def clean_prompt(text: str) -> str:
    """Return the first line of a model's answer without list marks, quotation marks and a closing full stop.

    Example:
        >>> clean_prompt(' 1. "A cat on  an sofa."')
        'A cat on a sofa'
    """
    line = next((part for part in text.splitlines() if part.strip()), '')
    return with_articles(' '.join(_BULLET.sub('', line).strip(_CLOSING).split()))


def names_class(tokenizer: Any, prompt: str, class_name: str) -> bool:
    """Return whether a prompt names its class within the tokenizer's limit."""
    try:
        return bool(class_token_positions(tokenizer, prompt, class_name))
    except UserError:
        return False


def write_prompt_file(
    path: str | Path,
    writer: Writer,
    classes: Iterable[str],
    count: int,
    tokenizer: Any,
    settings: PromptWriting,
    origin: dict[str, Any],
) -> list[Prompt]:
    """Fill a JSONL file with ``count`` prompts a class and return what is in it; go on with a part of it.

    The classes take turns in the file, so that its first lines hold them all. After each class the file is
    replaced as a whole: a run that is stopped loses the class it was at. Several processes that write one file at the
    same time write and return the same.

    Args:
        path: The file.
        writer: See :func:`write_prompts`.
        classes: Class names, each once.
        count: Prompts of each class.
        tokenizer: See :func:`write_prompts`.
        settings: How prompts are asked for.
        origin: What else decides them, as JSON values: the names of both models.

    Raises:
        UserError: The file was written by other settings, or see :func:`write_prompts`.
    """
    path = Path(path)
    key = settings_key(settings, origin, tokenizer)
    done = _read_written(path, key) if path.exists() else {}
    for class_name in classes:
        if len(done.get(class_name, ())) < count:
            done[class_name] = write_prompts(writer, class_name, count, tokenizer, settings)
            _save(path, done, key)
    return prompts_in_turn(done)


def settings_key(settings: PromptWriting, origin: dict[str, Any], tokenizer: Any) -> str:
    """Return 16 hexadecimal digits that differ with anything that decides a class's prompts but their number."""
    values = asdict(settings) | {'origin': origin, 'limit': tokenizer.model_max_length}
    # More tries find the same prompts and more.
    values.pop('tries')
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def prompts_in_turn(prompts: dict[str, list[str]]) -> list[Prompt]:
    """Return the first prompt of each class, then the second of each that has one, and so on."""
    longest = max((len(own) for own in prompts.values()), default=0)
    return [Prompt(own[i], name) for i in range(longest) for name, own in prompts.items() if i < len(own)]


def _save(path: Path, prompts: dict[str, list[str]], key: str) -> None:
    rows = [{'prompt': item.text, 'class': item.class_name, 'settings': key} for item in prompts_in_turn(prompts)]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, ''.join(json.dumps(row, ensure_ascii=False) + '\n' for row in rows).encode('utf-8'))


def _read_written(path: Path, key: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        try:
            row = json.loads(line)
            prompt, name, own = row['prompt'], row['class'], row['settings']
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f'Expected {path} to be a file of written prompts, but line {number} is none; name another file.'
            ) from error
        if own != key:
            raise UserError(
                f'Expected {path} to be written by the same models and settings, but line {number} is not (key {own}, '
                f'now {key}); name another file, or give the settings that it was begun with.'
            )
        found.setdefault(name, []).append(prompt)
    return found


def _fill(template: str, class_name: str) -> str:
    return with_articles(template.replace('{class}', class_name))


def _seed(seed: int, class_name: str, turn: int) -> int:
    text = json.dumps([seed, class_name, turn])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], 'big') >> 1
