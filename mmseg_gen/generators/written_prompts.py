"""Prompts of a synthesis run that a language model of this machine writes, as a component for configs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from mmseg_gen.errors import UserError
from mmseg_gen.registry import GENERATORS

from .prompt_generation import PromptWriting, prompts_in_turn, write_prompt_file
from .prompts import Prompt

_SAMPLING = ('max_new_tokens', 'temperature', 'top_p')


@GENERATORS.register_module()
class LanguageModelPrompts:
    """Let a causal language model write ``count`` prompts a class, and keep them in a JSONL file.

    What the file holds is not written again, and the model is not loaded where nothing is missing. It is the file of
    ``mmseg-gen prompts``: either may begin it and the other go on.

    Args:
        model: Folder or hub id of the language model, as safetensors.
        file: The JSONL file; one for each list of settings.
        count: Prompts of each class; a run with more samples uses them again, with other seeds.
        device: Where the language model runs.
        writing: ``instruction``, ``start``, ``seed``, ``temperature`` and the like, see
            :class:`~mmseg_gen.generators.prompt_generation.PromptWriting`.

    Raises:
        UserError: A setting is wrong.
    """

    def __init__(
        self, model: str, file: str | os.PathLike[str], *, count: int = 20, device: str = 'cpu', **writing: Any
    ) -> None:
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise UserError(f'Expected `prompts.count` to be 1 or more, but got {count!r}.')
        self.model, self.file, self.count, self.device = str(model), file, count, device
        try:
            self.settings = PromptWriting(**writing)
        except TypeError as error:
            raise UserError(f'Expected `prompts` with the keys of PromptWriting, but got: {error}') from error

    def __call__(self, classes: Sequence[str], generator: str, revision: str | None = None) -> list[Prompt]:
        """Return the prompts, the classes in turn.

        Args:
            classes: Class names, each once.
            generator: The image model, whose tokenizer has to see the class.
            revision: Its revision.

        Raises:
            UserError: A model is not on this machine, the file is another's, or the model does not give so many.
        """
        from .reading import load_tokenizer

        origin = {'model': self.model, 'generator': generator}
        tokenizer = load_tokenizer(generator, revision=revision)
        bar = tqdm(classes, desc='prompts', unit='class', disable=None)
        written = write_prompt_file(self.file, self._write, bar, self.count, tokenizer, self.settings, origin)
        own = {name: [prompt.text for prompt in written if prompt.class_name == name] for name in classes}
        return prompts_in_turn({name: texts[: self.count] for name, texts in own.items()})

    def _write(self, instruction: str, start: str, count: int, seed: int) -> list[str]:
        if not hasattr(self, '_writer'):
            from .language_model import load_language_model

            options = {name: getattr(self.settings, name) for name in _SAMPLING}
            self._writer = load_language_model(self.model, device=self.device, **options)
        return self._writer(instruction, start, count, seed)
