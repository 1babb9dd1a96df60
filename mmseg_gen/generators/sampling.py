"""From noise to latents: deterministic DDIM with classifier-free guidance, or a consistency model's few steps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from diffusers import DDIMScheduler, LCMScheduler
from torch import Tensor

from mmseg_gen.functional.noise import ddim_step

from .conditioning import Context, as_conditioning, guidance_width
from .consistency import consistency_path
from .denoising import check_finite, check_inputs, ddim_steps, recording, unet_output
from .parts import Parts
from .recording import Recording

# The noise estimate at (latents, timestep), guidance included.
Predict = Callable[[Tensor, int], Tensor]


@torch.no_grad()
def sample_latents(
    parts: Parts,
    context: Context,
    empty: Context,
    noise: Tensor,
    *,
    steps: int = 40,
    guidance: float = 7.5,
    recorder: Recording | None = None,
    features: Recording | None = None,
) -> Tensor:
    """Return the latents that the prompts lead to, ``(N, C, h, w)`` float32.

    DDIM with eta 0; a model with an ``LCMScheduler`` takes its own steps (:mod:`.consistency`). No random state
    outside is read: a sample depends on its own prompt and noise only.

    Args:
        parts: The model.
        context: Condition of N prompts, from :func:`~mmseg_gen.generators.text.encode_prompts`.
        empty: Condition of the empty (or an opposite) prompt, of one or of N samples; not used with guidance
            1, nor by a distilled model.
        noise: Standard normal ``(N, C, h, w)``.
        steps: Number of steps; 40 in DiffusionSeg, 4 to 8 for LCM.
        guidance: w in ``empty + w (prompt - empty)``; 1 runs the prompt alone, at half the cost. 7.5: Stable
            Diffusion. A distilled model (LCM) is told w and runs the prompt alone.
        recorder: An ``AttentionRecorder``; it sees the half of the batch under the prompt, and need not be
            entered.
        features: A ``FeatureRecorder``, likewise.

    Raises:
        ValueError: Shapes or ``steps`` do not fit, or the result is not finite.
    """
    check_inputs(parts, noise, context)
    doubled = guidance != 1 and guidance_width(parts) is None
    if doubled:
        opposite = as_conditioning(empty).expand(len(noise))
        check_inputs(parts, noise, opposite)
        context = opposite.followed_by(as_conditioning(context))

    def predict(latents: Tensor, timestep: int) -> Tensor:
        if not doubled:
            return unet_output(parts, latents, timestep, context, guidance)
        unconditional, conditional = unet_output(parts, torch.cat([latents] * 2), timestep, context).chunk(2)
        return unconditional + guidance * (conditional - unconditional)

    path = consistency_path if isinstance(parts.scheduler, LCMScheduler) else _ddim_path
    with recording(doubled, recorder, features):
        latents = path(parts.scheduler, noise.to(parts.device).float(), steps, predict)
    return check_finite(latents, 'sampling')


def _ddim_path(scheduler: DDIMScheduler, noise: Tensor, steps: int, predict: Predict) -> Tensor:
    latents = noise
    for step in ddim_steps(scheduler, steps):
        output = predict(latents, step.timestep)
        latents = ddim_step(latents, output, step.noisy, step.cleaner, scheduler.config.prediction_type)
    return latents
