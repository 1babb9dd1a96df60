"""What a UNet is told beside the latents: prompt embeddings and, in SDXL and LCM, more.

Shape letters: N samples, K tokens, D width of the prompt embeddings, P width of the pooled text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from diffusers.models.embeddings import get_timestep_embedding
from torch import Tensor

from .structure import NUM_SIZES

if TYPE_CHECKING:
    from .parts import Parts


@dataclass(frozen=True, eq=False)
class Conditioning:
    """The condition of N samples: prompt embeddings and what SDXL adds to them.

    Attributes:
        tokens: Prompt embeddings ``(N, K, D)``.
        pooled: Pooled text ``(N, P)``; None before SDXL.
        time_ids: SDXL's sizes in pixels ``(N, 6)``: height and width of the original image, top and left of
            the crop, height and width of the target. None takes the image's own size and no crop, as
            diffusers' pipeline does.
    """

    tokens: Tensor
    pooled: Tensor | None = None
    time_ids: Tensor | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, samples: slice | list[int]) -> Conditioning:
        """Return some of the samples."""
        return Conditioning(*(None if t is None else t[samples] for t in self._tensors()))

    def expand(self, count: int) -> Conditioning:
        """Return one sample's condition for ``count`` samples; a batch of that length comes back as it is."""
        return Conditioning(*(None if t is None else t.expand(count, *t.shape[1:]) for t in self._tensors()))

    def followed_by(self, other: Conditioning) -> Conditioning:
        """Return both batches as one.

        Raises:
            ValueError: One has pooled text or sizes and the other has not.
        """
        pairs = list(zip(self._tensors(), other._tensors(), strict=True))
        if any((a is None) != (b is None) for a, b in pairs):
            raise ValueError('Expected two conditions of one kind, but one of them lacks `pooled` or `time_ids`.')
        return Conditioning(*(None if a is None or b is None else torch.cat([a, b]) for a, b in pairs))

    def _tensors(self) -> tuple[Tensor, Tensor | None, Tensor | None]:
        return self.tokens, self.pooled, self.time_ids


# Stable Diffusion 1.x and 2.x need the prompt embeddings only.
Context = Tensor | Conditioning


def as_conditioning(context: Context) -> Conditioning:
    """Return the condition that prompt embeddings alone stand for; a whole one comes back as it is."""
    return context if isinstance(context, Conditioning) else Conditioning(context)


def guidance_width(parts: Parts) -> int | None:
    """Return the width of the guidance embedding; None where guidance needs a second pass of the UNet.

    Distilled models (LCM, Luo et al. 2023) are told the scale and answer with the guided prediction.
    """
    return getattr(parts.unet.config, 'time_cond_proj_dim', None)


def has_sizes(parts: Parts) -> bool:
    """Return whether the UNet takes pooled text and sizes, as SDXL does (Podell et al. 2023, Sec. 2.2)."""
    return getattr(parts.unet.config, 'addition_embed_type', None) == 'text_time'


def unet_conditions(parts: Parts, latents: Tensor, context: Context, guidance: float) -> dict[str, Any]:
    """Return the UNet's keyword arguments for a condition.

    Args:
        parts: The model.
        latents: What the UNet will see, ``(N, C, h, w)``; their size gives SDXL's sizes.
        context: The condition of the N samples.
        guidance: What a distilled UNet is told; not used by others.
    """
    whole, dtype, device = as_conditioning(context), parts.dtype, parts.device
    found: dict[str, Any] = {'encoder_hidden_states': whole.tokens.to(dtype)}
    if whole.pooled is not None:
        sizes = whole.time_ids
        if sizes is None:
            height, width = (side * parts.latent_scale for side in latents.shape[-2:])
            sizes = torch.tensor([[height, width, 0, 0, height, width]]).expand(len(latents), NUM_SIZES)
        # The sizes stay in float32: bfloat16 would round 1333 to 1336.
        added = {'text_embeds': whole.pooled.to(dtype), 'time_ids': sizes.to(device, torch.float32)}
        found['added_cond_kwargs'] = added
    if (dim := guidance_width(parts)) is not None:
        found['timestep_cond'] = guidance_embedding(guidance, len(latents), dim).to(device, dtype)
    return found


def guidance_embedding(guidance: float, count: int, width: int) -> Tensor:
    """Return the sinusoids that tell a distilled UNet its guidance scale, ``(count, width)``.

    The network counts from 0 where this package, like diffusers, counts from 1 (no guidance).

    Args:
        guidance: w of classifier-free guidance.
        count: Number of samples.
        width: Width of the embedding.
    """
    # diffusers forms w - 1 in float32 as well.
    scale = torch.full((count,), guidance - 1, dtype=torch.float32)
    return get_timestep_embedding(1000 * scale, width)
