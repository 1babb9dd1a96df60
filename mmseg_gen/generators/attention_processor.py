"""An attention processor that forms the probabilities explicitly and adds them to a running sum.

Shape letters: B batch, H heads, Q queries, K keys, d channels of a head.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

from mmseg_gen.errors import UserError

if TYPE_CHECKING:
    from .capture import AttentionRecorder

# Probabilities formed at once. On a CPU a chunk of 1 MB stays in the cache (with 16 MB the UNet took 1.3
# times as long as without capture, with 1 MB 1.05 times); elsewhere 0.5 GB bounds the memory.
_CHUNK = {'cpu': 2**18}
_CHUNK_ELSEWHERE = 2**27

# How the mean over heads is formed: by PyTorch, or by the kernels of `head_mean` where they fit.
_VARIABLE = 'MMSEG_GEN_CAPTURE'

# Processors with the same mathematics as plain scaled dot-product attention.
_PLAIN = (
    'AttnProcessor',
    'AttnProcessor2_0',
    'XFormersAttnProcessor',
    'SlicedAttnProcessor',
    'RecordingProcessor',
)


def check_processor(name: str, processor: Any) -> None:
    """Refuse processors that do more than scaled dot-product attention (adapters, fused projections).

    Raises:
        ValueError: The processor's kind is not known.
    """
    if type(processor).__name__ not in _PLAIN:
        raise ValueError(
            f'Expected {name} to be one of {", ".join(_PLAIN)}, but got {type(processor).__name__}. Unload '
            'adapters and unfuse projections before recording attention.'
        )


class AttentionLayers:
    """The attention layers of a network, whose processors are put in place and given back together.

    diffusers' ``attn_processors`` and ``set_attn_processor`` walk through the whole network several times for each
    call, which takes four times as long: 4.5 ms for a UNet of 20 such layers.

    Args:
        network: The network.

    Raises:
        ValueError: A layer's processor is of a kind that is not known here.
    """

    def __init__(self, network: nn.Module):
        layers = {name: module for name, module in network.named_modules() if isinstance(module, Attention)}
        for name, layer in layers.items():
            check_processor(f'{name}.processor', layer.processor)
        self._own = {name: (layer, layer.processor) for name, layer in layers.items()}

    def replace(self, make: Callable[[str, Any], Any]) -> None:
        """Put ``make(name, own processor)`` in the place of each layer's own."""
        for name, (layer, own) in self._own.items():
            layer.set_processor(make(name, own))

    def restore(self) -> None:
        """Give every layer its own processor back."""
        for layer, own in self._own.values():
            layer.set_processor(own)


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
        mask = None
        if attention_mask is not None:
            mask = attn.prepare_attention_mask(attention_mask, context.shape[1], batch)
            mask = mask.view(batch, attn.heads, -1, mask.shape[-1])
        result = _attend(query, key, value, mask, sums, skipped)
        result = result.transpose(1, 2).reshape(batch, queries, -1).to(query.dtype)
        result = attn.to_out[1](attn.to_out[0](result))
        if attn.residual_connection:
            result = result + hidden_states
        return result if attn.rescale_output_factor == 1 else result / attn.rescale_output_factor


def project_heads(attn: Any, hidden_states: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries, keys and values, ``(B, H, Q or K, d)``."""
    if attn.group_norm is not None:
        hidden_states = attn.group_norm(hidden_states.transpose(1, 2)).transpose(1, 2)
    if context is None:
        context = hidden_states
    elif attn.norm_cross:
        context = attn.norm_encoder_hidden_states(context)
    query, key, value = (
        t.unflatten(-1, (attn.heads, -1)).transpose(1, 2)
        for t in (attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context))
    )
    query = query if attn.norm_q is None else attn.norm_q(query)
    key = key if attn.norm_k is None else attn.norm_k(key)
    return query, key, value


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
