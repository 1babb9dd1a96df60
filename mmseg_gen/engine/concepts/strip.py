"""Images between the two prompts, from background to object (fobadiffusion, Eq. 10, Fig. 16)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from mmseg_gen.engine.concepts.settings import ConceptSettings
from mmseg_gen.engine.concepts.stage import canvas_of
from mmseg_gen.engine.seeding import sample_rng, sample_seed
from mmseg_gen.generators.latents import decode_latents
from mmseg_gen.generators.parts import Parts
from mmseg_gen.generators.text import encode_prompts
from mmseg_gen.generators.two_prompt_sampling import sample_between

# Of the paper's figure; 0 is the background's prompt alone, 1 the object's.
SCALES = (-6.5, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 6.5)


@torch.no_grad()
def paint_strip(
    parts: Parts, settings: ConceptSettings, scales: Sequence[float] = SCALES, *, first: int = 0, count: int = 4
) -> np.ndarray:
    """Return images at each guidance, RGB uint8 ``(W, N, H, W', 3)``; those of one column start from one noise.

    Args:
        parts: The model.
        settings: Of the run.
        scales: The W values of w.
        first: Number of the first image; an image depends on its number alone.
        count: N.
    """
    canvas, scale = canvas_of(parts, settings), parts.latent_scale
    shape = (parts.unet.config.in_channels, canvas[0] // scale, canvas[1] // scale)
    rngs = [sample_rng(sample_seed(settings.seed, 'strip', number), 'noise') for number in range(first, first + count)]
    noise = torch.from_numpy(np.stack([rng.standard_normal(shape, dtype=np.float32) for rng in rngs]))
    prompts = encode_prompts(parts, [settings.prompt] * count), encode_prompts(parts, [settings.background])
    latents = sample_between(parts, *prompts, noise.to(parts.device), scales, steps=settings.synthesis.steps)
    pixels = [((decode_latents(parts, own) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu() for own in latents]
    return torch.stack(pixels).numpy()
