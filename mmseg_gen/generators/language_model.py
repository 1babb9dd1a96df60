"""A causal language model that continues a text, with safetensors only and nothing fetched unasked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from mmseg_gen.errors import UserError

from .network import without_network
from .parts import checked_device
from .quiet import quiet_loading
from .sources import network_forbidden


class LanguageModel:
    """Continues texts by sampling.

    Args:
        model: A causal language model.
        tokenizer: Its tokenizer; one with a chat template gets the instruction as a user's message.
        max_new_tokens: Length of a continuation at most.
        temperature: Above 0.
        top_p: Share of the probability that words are drawn from, in (0, 1].
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        max_new_tokens: int = 24,
        temperature: float = 1.0,
        top_p: float = 0.9,
    ):
        self.model, self.tokenizer = model.eval(), tokenizer
        ending = tokenizer.eos_token_id
        self.options: dict[str, Any] = dict(
            do_sample=True, max_new_tokens=max_new_tokens, temperature=temperature, top_p=top_p, top_k=0,
            pad_token_id=ending if tokenizer.pad_token_id is None else tokenizer.pad_token_id,
        )  # fmt: skip

    @torch.no_grad()
    def __call__(self, instruction: str, start: str, count: int, seed: int) -> list[str]:
        """Return ``count`` continuations of ``start``, a function of the arguments only.

        Args:
            instruction: What the model is told.
            start: How its answer begins.
            count: At least 1.
            seed: In [0, 2^63).
        """
        chat = getattr(self.tokenizer, 'chat_template', None)
        text = instruction
        if chat:
            message = [{'role': 'user', 'content': instruction}]
            text = self.tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
        # A chat template holds the special tokens itself.
        batch = self.tokenizer(text + start, return_tensors='pt', add_special_tokens=not chat)
        ids, mask = (batch[key].to(self.model.device) for key in ('input_ids', 'attention_mask'))
        devices = [self.model.device] if self.model.device.type == 'cuda' else []
        with torch.random.fork_rng(devices=devices), quiet_loading():
            torch.manual_seed(seed)
            written = self.model.generate(ids, attention_mask=mask, num_return_sequences=count, **self.options)
        # The new tokens alone would lose the blank before their first word in some tokenizers.
        before = len(self.tokenizer.decode(ids[0], skip_special_tokens=True))
        return [text[before:] for text in self.tokenizer.batch_decode(written, skip_special_tokens=True)]


def load_language_model(
    name: str | os.PathLike, *, device: str = 'cpu', local_files_only: bool | None = None, **options: Any
) -> LanguageModel:
    """Return a causal language model of transformers.

    Args:
        name: Folder, or an id on the Hugging Face hub.
        device: Where to put it.
        local_files_only: Never use the network. None is True unless ``MMSEG_GEN_DOWNLOAD=1`` is set.
        options: Of :class:`LanguageModel`.

    Raises:
        UserError: It is not on this machine, holds no safetensors, or is no language model.
    """
    offline = network_forbidden(local_files_only)
    where = checked_device(device)
    place = str(Path(name).expanduser()) if Path(name).expanduser().is_dir() else str(name)
    try:
        with quiet_loading(), without_network(offline):
            model = AutoModelForCausalLM.from_pretrained(place, local_files_only=offline, use_safetensors=True)
            tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=offline)
    except Exception as error:
        text = ' '.join(str(error).split())[:200]
        raise UserError(
            f'Expected a causal language model at {name}, as safetensors on this machine, but could not read one '
            f'({type(error).__name__}: {text}); give a folder, or fetch it once with `hf download {name}`.'
        ) from error
    return LanguageModel(model.requires_grad_(False).to(where), tokenizer, **options)
