"""Prompts to the embeddings that condition the UNet."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import CLIPTokenizer

from mmseg_gen.errors import UserError

from .conditioning import Conditioning, Context
from .parts import Parts

logger = logging.getLogger(__name__)


@torch.no_grad()
def encode_prompts(parts: Parts, prompts: Sequence[str]) -> Context:
    """Return what conditions the UNet, in the text encoder's precision.

    Stable Diffusion 1.x and 2.x: the last hidden state ``(N, K, D)``. SDXL: a :class:`Conditioning` of both
    encoders' last but one hidden state and the second one's pooled text; the empty text is zeros where the
    model was trained so (``force_zeros_for_empty_prompt``).

    Padded to K tokens as Stable Diffusion pads; a longer prompt is cut, and the log says so. A class that is
    cut off is an error of :func:`~mmseg_gen.generators.prompts.class_token_positions`.

    Args:
        parts: The model.
        prompts: N texts, at least one; the empty text is the condition for "nothing in particular".

    Raises:
        ValueError: There is no prompt.
        TypeError: A single text was given instead of a list.
        UserError: SDXL's tokenizers split a prompt differently, so that a class has no one place in it.
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
    ids, mask = _tokenize(tokenizer, prompts, parts.device)
    if parts.text_encoder_2 is not None:
        return _encode_twice(parts, prompts, ids, mask)
    used = mask if getattr(parts.text_encoder.config, 'use_attention_mask', False) else None
    return parts.text_encoder(ids, attention_mask=used)[0]


def _tokenize(tokenizer: CLIPTokenizer, prompts: Sequence[str], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return ids and mask of real tokens, ``(N, K)`` each."""
    batch = tokenizer(
        list(prompts), padding='max_length', truncation=True, max_length=tokenizer.model_max_length, return_tensors='pt'
    )
    return batch.input_ids.to(device), batch.attention_mask.to(device)


def _encode_twice(parts: Parts, prompts: Sequence[str], ids: Tensor, mask: Tensor) -> Conditioning:
    ids_2, mask_2 = _tokenize(parts.tokenizer_2, prompts, parts.device)
    # They differ in the padding only.
    if not torch.equal(ids * mask, ids_2 * mask_2):
        raise UserError(
            f'Expected both tokenizers of {parts.name} to split every prompt alike, but they differ on '
            f'{prompts[0]!r} or a prompt after it; take tokenizer and tokenizer_2 from one model.'
        )
    first = parts.text_encoder(ids, output_hidden_states=True)
    second = parts.text_encoder_2(ids_2, output_hidden_states=True)
    tokens = torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1)
    pooled = second.text_embeds
    if parts.force_zeros_for_empty_prompt:
        empty = torch.tensor([not prompt for prompt in prompts], device=parts.device)
        tokens, pooled = tokens.masked_fill(empty[:, None, None], 0), pooled.masked_fill(empty[:, None], 0)
    return Conditioning(tokens, pooled)
