"""An attention processor that forms the probabilities explicitly and adds them to a running sum.

Shape letters: B batch, H heads, Q queries, K keys, d channels of a head.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_gen.errors import UserError

from .attention_layers import head_mask, project_heads, project_output

if TYPE_CHECKING:
    from .capture import AttentionRecorder

# Probabilities formed at once. On a CPU a chunk of 1 MB stays in the cache (with 16 MB the UNet took 1.3
# times as long as without capture, with 1 MB 1.05 times); elsewhere 0.5 GB bounds the memory.
_CHUNK = {'cpu': 2**18}
_CHUNK_ELSEWHERE = 2**27

# How the mean over heads is formed: by PyTorch, or by the kernels of `head_mean` where they fit.
_VARIABLE = 'MMSEG_GEN_CAPTURE'


class RecordingProcessor:
    """Stands in for a layer's processor; calls it where the layer is not recorded at this step.

    Args:
        name: The layer.
        inner: The processor that it replaces.
        recorder: Decides what is recorded, and holds the sums.
    """

    def __init__(self, name: str, inner: Any, recorder: AttentionRecorder):
        self.name, self.inner, self.recorder = name, inner, recorder

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Tensor:
        """Return the layer's output, as diffusers calls a processor."""
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        batch, queries = hidden_states.shape[:2]
        skipped = self.recorder.skipped(batch)
        sums = self.recorder.running_sum(
            self.name,
            encoder_hidden_states is not None,
            batch - skipped,
            queries,
            context.shape[1],
            hidden_states.device,
        )
        if sums is None:
            return self.inner(attn, hidden_states, encoder_hidden_states, attention_mask, temb, *args, **kwargs)
        query, key, value = project_heads(attn, hidden_states, encoder_hidden_states)
        mask = head_mask(attn, attention_mask, batch, context.shape[1])
        result = _attend(query, key, value, mask, sums, skipped)
        return project_output(attn, result.to(query.dtype), hidden_states)


def _attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, sums: Tensor, skipped: int) -> Tensor:
    """Return the attention's output ``(B, H, Q, d)`` and add the head-averaged probabilities to a sum.

    Args:
        query: ``(B, H, Q, d)``.
        key: ``(B, H, K, d)``.
        value: ``(B, H, K, d)``.
        mask: Added to the logits, ``(B, H, 1 or Q, K)``.
        sums: ``(B - skipped, Q, K)``, changed in place.
        skipped: Leading samples that are not added; they take the fused kernel.
    """
    fused = _fused_mean(query) if mask is None else None
    if fused is not None:
        fused(query[skipped:], key[skipped:], sums)
        return F.scaled_dot_product_attention(query, key, value)
    heads = query.shape[1]
    out = torch.empty_like(value if query.shape == value.shape else query, memory_format=torch.contiguous_format)
    if skipped:
        first = slice(0, skipped)
        own = None if mask is None else mask[first]
        out[first] = F.scaled_dot_product_attention(query[first], key[first], value[first], attn_mask=own)
    for rows, columns in _chunks(skipped, query, key.shape[2]):
        own = None
        if mask is not None:
            own = mask[rows] if mask.shape[2] == 1 else mask[rows, :, columns]
        probabilities = _probabilities(query[rows, :, columns], key[rows], own)
        target = sums[rows.start - skipped : rows.stop - skipped, columns]
        target.add_(probabilities.detach().sum(1), alpha=1 / heads)
        out[rows, :, columns] = probabilities.to(value.dtype) @ value[rows]
    return out


def _fused_mean(query: Tensor) -> Callable[[Tensor, Tensor, Tensor], None] | None:
    """Return what adds the mean over heads without forming the probabilities, if it was asked for and fits."""
    chosen = os.environ.get(_VARIABLE, 'torch')
    if chosen == 'torch':
        return None
    if chosen != 'triton':
        raise UserError(f'Expected {_VARIABLE} to be torch or triton, but got {chosen!r}; unset it for torch.')
    try:
        from mmseg_gen.generators import head_mean
    except ImportError as error:
        raise UserError(
            f'Expected the package `triton` for {_VARIABLE}=triton, but got: {error}. It comes with the CUDA builds of '
            'PyTorch for Linux; unset the variable to do without.'
        ) from error
    return head_mean.add_head_mean if head_mean.fits(query) else None


def _probabilities(query: Tensor, key: Tensor, mask: Tensor | None) -> Tensor:
    """Return softmax attention ``(b, H, q, K)`` in float32 (float64 for float64 input)."""
    if query.dtype in (torch.float16, torch.bfloat16):
        query, key = query.float(), key.float()
    logits = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    if mask is not None:
        logits = logits + mask
    return logits.softmax(-1)


def _chunks(start: int, query: Tensor, keys: int) -> Iterator[tuple[slice, slice]]:
    """Yield slices over samples from ``start`` on and over queries, of a bounded number of probabilities."""
    batch, heads, queries, _ = query.shape
    limit = _CHUNK.get(query.device.type, _CHUNK_ELSEWHERE)
    samples = max(1, limit // (heads * queries * keys))
    rows = max(1, min(queries, limit // (heads * keys)))
    for first in range(start, batch, samples):
        for top in range(0, queries, rows):
            yield slice(first, min(first + samples, batch)), slice(top, min(top + rows, queries))
