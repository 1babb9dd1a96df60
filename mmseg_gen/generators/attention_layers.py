"""A network's attention layers: their processors, and what a processor does before and after the attention itself.

Shape letters: B batch, H heads, Q queries, K keys, d channels of a head, C channels of a layer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

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


def head_mask(attn: Any, attention_mask: Tensor | None, batch: int, keys: int) -> Tensor | None:
    """Return what a layer's mask adds to the logits, ``(B, H, 1 or Q, K)``, as diffusers prepares it; None for none."""
    if attention_mask is None:
        return None
    mask = attn.prepare_attention_mask(attention_mask, keys, batch)
    return mask.view(batch, attn.heads, -1, keys)


def project_output(attn: Any, attended: Tensor, hidden_states: Tensor) -> Tensor:
    """Return the layer's output ``(B, Q, C)`` from what its heads gathered.

    Args:
        attn: The layer.
        attended: ``(B, H, Q, d)``.
        hidden_states: The layer's input, ``(B, Q, C)``, added where the layer has a residual connection.
    """
    result = attn.to_out[1](attn.to_out[0](attended.transpose(1, 2).flatten(2)))
    if attn.residual_connection:
        result = result + hidden_states
    return result if attn.rescale_output_factor == 1 else result / attn.rescale_output_factor
