"""Attention processors that write a mask into a UNet's attention while it runs (G4Seg, Sec. 3.3.1).

Any UNet of plain attention layers will do: Stable Diffusion 1.x, 2.x, SDXL and LCM. Shape letters: N samples, H heads,
Q queries (pixels of a layer), K keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from mmseg_gen.functional.mask_injection import (
    InjectionSettings,
    cross_pairs,
    inject,
    injection_strength,
    layer_mask,
    self_pairs,
)

from .attention_layers import AttentionLayers, head_mask, project_heads, project_output
from .capture import Grid, level_grids

# Logits formed at once; see attention_processor. Each takes some five times that with its masks.
_CHUNK = {'cpu': 2**18}
_CHUNK_ELSEWHERE = 2**26


class MaskInjection:
    """A context in which the UNet's attention is told where each sample's class is; the processors come back after it.

    Each sample of the batch has a mask and a class of its own: several classes of one image go through one pass. A
    sample with an empty mask and no positions is left alone.

    Args:
        unet: The network.
        masks: Foreground in [0, 1], ``(N, H, W)`` at any size; a gradient with respect to it exists where the settings
            say ``soft``.
        positions: Positions of each sample's class among its prompt's tokens.
        size: Height and width of the latents.
        timestep: The step that the UNet will be called for.
        total: Number of training steps.
        settings: None for the defaults.

    Raises:
        ValueError: Lengths differ, a mask is outside [0, 1], or the UNet has processors of unknown mathematics.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        masks: Tensor,
        positions: Sequence[Sequence[int]],
        size: Grid,
        *,
        timestep: int,
        total: int = 1000,
        settings: InjectionSettings | None = None,
    ):
        if masks.ndim != 3 or len(positions) != len(masks):
            raise ValueError(
                f'Expected `masks` of shape (N, H, W) and N lists of `positions`, but got {tuple(masks.shape)} '
                f'and {len(positions)}.'
            )
        if not ((masks >= 0) & (masks <= 1)).all():
            raise ValueError('Expected `masks` in [0, 1], but got NaN or values outside.')
        self.unet, self.settings = unet, settings or InjectionSettings()
        self.masks, self.positions = masks.float(), [list(p) for p in positions]
        self._grids = level_grids(size)
        self._strength = injection_strength(self.settings, self.masks.flatten(1), timestep, total)
        self._flat: dict[int, Tensor] = {}

    def __enter__(self) -> MaskInjection:
        self._layers = AttentionLayers(self.unet)
        self._layers.replace(lambda _, own: InjectingProcessor(own, self))
        return self

    def __exit__(self, *exception: object) -> None:
        self._layers.restore()
        self._flat.clear()

    def weight(self, is_cross: bool, queries: int) -> float:
        """Return a layer's injection weight; 0 where nothing is injected.

        Args:
            is_cross: Whether its keys are prompt tokens.
            queries: Number of its pixels.
        """
        if is_cross:
            return self.settings.cross_weight
        limit = self.settings.max_self_side
        if limit is not None and max(self._grid(queries)) > limit:
            return 0.0
        return self.settings.self_weight

    def mask(self, queries: int) -> Tensor:
        """Return the masks on the grid of a layer with that many pixels, ``(N, Q)``."""
        if queries not in self._flat:
            self._flat[queries] = layer_mask(self.masks, self._grid(queries), self.settings.soft)
        return self._flat[queries]

    def _grid(self, queries: int) -> Grid:
        if queries not in self._grids:
            raise ValueError(
                f'Expected `size` to be the height and width of the latents, but got {max(self._grids.values())}, and '
                f'a layer has {queries} pixels.'
            )
        return self._grids[queries]

    def changed(self, logits: Tensor, mask: Tensor, rows: slice, is_cross: bool, channels: int) -> Tensor:
        """Return the logits of some queries with the masks written into them.

        Args:
            logits: ``(N, H, q, K)``.
            mask: The masks on the layer's grid, see :meth:`mask`.
            rows: Which of the layer's queries these are.
            is_cross: Whether the keys are prompt tokens.
            channels: Channels of a head.
        """
        if len(mask) != len(logits):
            raise ValueError(f'Expected a batch of {len(mask)} samples, one for each mask, but got {len(logits)}.')
        pairs, apart = (
            cross_pairs(mask[:, rows], self._tokens(logits.shape[-1], mask))
            if is_cross
            else self_pairs(mask[:, rows], mask)
        )
        return inject(
            logits,
            pairs,
            apart if self.settings.negative_branch else None,
            self._strength * self.weight(is_cross, mask.shape[1]),
            range_adaptive=self.settings.range_adaptive,
            channels=channels,
        )

    def _tokens(self, count: int, like: Tensor) -> Tensor:
        tokens = torch.zeros(len(self.positions), count, dtype=like.dtype, device=like.device)
        for row, positions in zip(tokens, self.positions, strict=True):
            row[positions] = 1
        return tokens


class InjectingProcessor:
    """Stands in for a layer's processor; calls it where nothing is injected.

    Args:
        inner: The processor that it replaces.
        injection: Knows the masks.
    """

    def __init__(self, inner: Any, injection: MaskInjection):
        self.inner, self.injection = inner, injection

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
        is_cross, queries = encoder_hidden_states is not None, hidden_states.shape[1]
        if self.injection.weight(is_cross, queries) == 0:
            return self.inner(attn, hidden_states, encoder_hidden_states, attention_mask, temb, *args, **kwargs)
        query, key, value = project_heads(attn, hidden_states, encoder_hidden_states)
        mask = head_mask(attn, attention_mask, len(key), key.shape[2])
        result = self._attend(query, key, value, mask, is_cross)
        return project_output(attn, result.to(query.dtype), hidden_states)

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, is_cross: bool) -> Tensor:
        channels = query.shape[3]
        # Looked up here and not in `attend`, which a gradient runs again when the injection is over.
        masks = self.injection.mask(query.shape[2])
        if query.dtype in (torch.float16, torch.bfloat16):
            query, key = query.float(), key.float()
        query = query * channels**-0.5

        def attend(rows: slice) -> Tensor:
            logits = query[:, :, rows] @ key.transpose(-1, -2)
            logits = self.injection.changed(logits, masks, rows, is_cross, channels)
            if mask is not None:
                # After the injection: forbidden keys must not widen the range of the logits.
                logits = logits + (mask if mask.shape[2] == 1 else mask[:, :, rows])
            return logits.softmax(-1).to(value.dtype) @ value

        chunks = list(_row_chunks(query, key.shape[2]))
        if torch.is_grad_enabled():
            # Formed once more for the gradient: kept, logits and probabilities of all layers take tens of gigabytes.
            return torch.cat([checkpoint(attend, rows, use_reentrant=False) for rows in chunks], 2)
        return torch.cat([attend(rows) for rows in chunks], 2)


def _row_chunks(query: Tensor, keys: int) -> Iterator[slice]:
    batch, heads, queries, _ = query.shape
    rows = max(1, _CHUNK.get(query.device.type, _CHUNK_ELSEWHERE) // (batch * heads * keys))
    for top in range(0, queries, rows):
        yield slice(top, min(top + rows, queries))
