"""Variations of one image by a text-to-image model that keep its structure: style mixing without a GAN [ours].

The style-mixing paper ends with the remark that diffusion models could replace the GAN. Here an image's latents are
carried up to a noise level by DDIM inversion, and down again under other prompts: colours named there change, what was
fixed below that level stays. Self-attention may take its queries and keys from the image's own way down, which holds
the layout (as in plug-and-play diffusion, Tumanyan et al., CVPR 2023). Shape letters: B variations at a time, n in all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from mmseg_gen.functional.noise import ddim_step
from mmseg_gen.functional.style_stack import StyleStack

from .conditioning import as_conditioning
from .denoising import DdimStep, check_finite, ddim_steps, unet_output
from .inversion import invert_step
from .latents import decode_latents, encode_images, image_tensor
from .parts import Parts
from .style_mixing import to_pixels
from .text import encode_prompts


class _FirstOfEach:
    """Self-attention whose queries and keys are those of the first sample of each group, for the whole group."""

    def __init__(self, groups: int) -> None:
        self.groups = groups

    def __call__(self, attention: nn.Module, hidden_states: Tensor, *args, **kwargs) -> Tensor:
        tokens = hidden_states
        heads, count = attention.heads, len(tokens)
        size = count // self.groups
        first = tokens.view(self.groups, size, *tokens.shape[1:])[:, :1]
        first = first.expand(-1, size, -1, -1).reshape(tokens.shape)
        query, key = attention.to_q(first), attention.to_k(first)
        split = [part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (query, key, attention.to_v(tokens))]
        mixed = nn.functional.scaled_dot_product_attention(*split, scale=attention.scale)
        joined = mixed.transpose(1, 2).flatten(2)
        return attention.to_out[1](attention.to_out[0](joined))


@contextmanager
def shared_structure(unet: nn.Module, groups: int) -> Iterator[None]:
    """Let all samples of a group attend as its first one does; the UNet is as before afterwards.

    Args:
        unet: The UNet.
        groups: Groups that a batch consists of, one after the other.
    """
    before = dict(unet.attn_processors)
    # The first attention of each block is among pixels, the second to words.
    own = {name: _FirstOfEach(groups) if '.attn1.' in name else old for name, old in before.items()}
    try:
        unet.set_attn_processor(own)
        yield
    finally:
        unet.set_attn_processor(before)


@torch.no_grad()
def diffusion_variations(
    parts: Parts,
    image: np.ndarray,
    prompt: str,
    prompts: Sequence[str],
    *,
    steps: int = 20,
    strength: float = 0.8,
    structure: float = 0.5,
    guidance: float = 3.0,
    batch: int = 10,
) -> Iterator[np.ndarray]:
    """Yield batches of one image's variations, RGB uint8 ``(B, H, W, 3)``.

    Args:
        parts: The model.
        image: RGB uint8 ``(H, W, 3)``; the sides are multiples of ``parts.latent_scale``.
        prompt: What it shows, for the way up and for its own way down.
        prompts: One for each variation.
        steps: DDIM steps of the whole way.
        strength: Share of the way that is gone up, in (0, 1].
        structure: Share of the way down, from its beginning, on which self-attention is the image's own, in [0, 1].
        guidance: Of the variations.
        batch: Variations at a time.

    Raises:
        ValueError: A number is out of range, or the latents are not finite.
    """
    if not 0 < strength <= 1:
        raise ValueError(f'Expected `strength` in (0, 1], but got {strength}.')
    if not 0 <= structure <= 1:
        raise ValueError(f'Expected `structure` in [0, 1], but got {structure}.')
    if not prompts or batch < 1:
        raise ValueError(f'Expected `prompts` and `batch` of at least 1, but got {len(prompts)} and {batch}.')
    path = ddim_steps(parts.scheduler, steps)
    path = path[len(path) - max(1, round(strength * len(path))) :]
    return _variations(parts, image, prompt, prompts, path, round(structure * len(path)), guidance, batch)


def diffusion_stack(parts: Parts, image: np.ndarray, prompt: str, prompts: Sequence[str], **options) -> StyleStack:
    """Return the variations of :func:`diffusion_variations` as evidence; it takes the same arguments."""
    return StyleStack.collect(diffusion_variations(parts, image, prompt, prompts, **options), len(prompts))


@torch.no_grad()
def _variations(
    parts: Parts,
    image: np.ndarray,
    prompt: str,
    prompts: Sequence[str],
    path: Sequence[DdimStep],
    shared: int,
    guidance: float,
    batch: int,
) -> Iterator[np.ndarray]:
    own = as_conditioning(encode_prompts(parts, [prompt]))
    empty = as_conditioning(encode_prompts(parts, ['']))
    noised = encode_images(parts, image_tensor([image]))
    for step in reversed(path):
        noised = invert_step(parts, noised, own, step)
    for start in range(0, len(prompts), batch):
        wanted = as_conditioning(encode_prompts(parts, list(prompts[start : start + batch])))
        # The image's own way down runs along, as the first of each half; without guidance, so that it comes back.
        conditional, opposite = own.followed_by(wanted), own.followed_by(empty.expand(len(wanted)))
        latents = noised.expand(len(conditional), -1, -1, -1)
        for number, step in enumerate(path):
            doubled = torch.cat([latents, latents])
            if number < shared:
                with shared_structure(parts.unet, 2):
                    output = unet_output(parts, doubled, step.timestep, opposite.followed_by(conditional))
            else:
                output = unet_output(parts, doubled, step.timestep, opposite.followed_by(conditional))
            without, under = output.chunk(2)
            guided = without + guidance * (under - without)
            latents = ddim_step(latents, guided, step.noisy, step.cleaner, parts.prediction_type)
        yield to_pixels(decode_latents(parts, check_finite(latents[1:], 'varying')))
