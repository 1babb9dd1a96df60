"""Prompts to the embeddings that condition the UNet."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from .parts import Parts

logger = logging.getLogger(__name__)


@torch.no_grad()
def encode_prompts(parts: Parts, prompts: Sequence[str]) -> Tensor:
    """Return the last hidden state of the text encoder, ``(N, K, D)`` in the model's precision.

    Padded to K tokens as Stable Diffusion pads; a longer prompt is cut, and the log says so. A class that is
    cut off is an error of :func:`~mmseg_gen.generators.prompts.class_token_positions`.

    Args:
        parts: The model.
        prompts: N texts, at least one; the empty text is the condition for "nothing in particular".

    Raises:
        ValueError: There is no prompt.
        TypeError: A single text was given instead of a list.
    """
    if isinstance(prompts, str):
        raise TypeError(f'Expected `prompts` to be a list of texts, but got the text {prompts!r}.')
    if not prompts:
        raise ValueError('Expected `prompts` to hold at least one text, but got none.')
    tokenizer = parts.tokenizer
    limit = tokenizer.model_max_length
    for prompt, ids in zip(prompts, tokenizer(list(prompts)).input_ids, strict=True):
        if len(ids) > limit:
            logger.warning('A prompt has %d tokens; only the first %d count: %r', len(ids), limit, prompt)
    batch = tokenizer(list(prompts), padding='max_length', truncation=True, max_length=limit, return_tensors='pt')
    mask = (
        batch.attention_mask.to(parts.device)
        if getattr(parts.text_encoder.config, 'use_attention_mask', False)
        else None
    )
    return parts.text_encoder(batch.input_ids.to(parts.device), attention_mask=mask)[0]
