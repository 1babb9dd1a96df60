"""From noise to latents: deterministic DDIM with classifier-free guidance."""

from __future__ import annotations

import torch
from torch import Tensor

from mmseg_gen.functional.noise import ddim_move, split_prediction

from .denoising import check_finite, check_inputs, ddim_steps, recording, unet_output
from .parts import Parts
from .recording import Recording


@torch.no_grad()
def sample_latents(
    parts: Parts,
    context: Tensor,
    empty: Tensor,
    noise: Tensor,
    *,
    steps: int = 40,
    guidance: float = 7.5,
    recorder: Recording | None = None,
    features: Recording | None = None,
) -> Tensor:
    """Return the latents that the prompts lead to, ``(N, C, h, w)`` float32 (DDIM, eta 0).

    Nothing is drawn here: a sample depends on its own prompt and noise only.

    Args:
        parts: The model.
        context: Prompt embeddings ``(N, K, D)``.
        empty: Embeddings of the empty (or an opposite) prompt, ``(1, K, D)`` or ``(N, K, D)``; not used with
            guidance 1.
        noise: Standard normal ``(N, C, h, w)``.
        steps: Number of steps; 40 in DiffusionSeg.
        guidance: w in ``empty + w (prompt - empty)``; 1 runs the prompt alone, at half the cost. 7.5: Stable
            Diffusion.
        recorder: An ``AttentionRecorder``; it sees the half of the batch under the prompt, and need not be
            entered.
        features: A ``FeatureRecorder``, likewise.

    Raises:
        ValueError: Shapes or ``steps`` do not fit, or the result is not finite.
    """
    check_inputs(parts, noise, context)
    doubled = guidance != 1
    if doubled:
        empty = empty.expand(len(context), -1, -1)
        check_inputs(parts, noise, empty)
        context = torch.cat([empty, context])
    latents = noise.to(parts.device).float()
    with recording(doubled, recorder, features):
        for step in ddim_steps(parts.scheduler, steps):
            output = unet_output(parts, torch.cat([latents] * 2) if doubled else latents, step.timestep, context)
            if doubled:
                unconditional, conditional = output.chunk(2)
                output = unconditional + guidance * (conditional - unconditional)
            latents = ddim_move(*split_prediction(latents, output, step.noisy, parts.prediction_type), step.cleaner)
    return check_finite(latents, 'sampling')
