"""Sampling between two prompts, from background to object (fobadiffusion, Eq. 10, Fig. 16)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mmseg_gen.functional.noise import ddim_step
from mmseg_gen.functional.two_prompt_guidance import guide_between

from .conditioning import Context, as_conditioning
from .denoising import check_finite, check_inputs, ddim_steps, unet_output
from .parts import Parts

# The UNet's output at (latents, timestep), guidance included.
Predict = Callable[[Tensor, int], Tensor]


def guided_prediction(
    parts: Parts, latents: Tensor, prompt: Context, opposite: Context | None = None, guidance: float = 1.0
) -> Predict:
    """Return the UNet's answer guided to one prompt and away from another.

    Args:
        parts: The model; a consistency model is no diffusion model and has no such guidance.
        latents: Of the samples to come, ``(N, C, h, w)``; their shape is checked.
        prompt: Condition of the N samples.
        opposite: Condition of one or of N samples; needed unless ``guidance`` is 1.
        guidance: w of Eq. 10; 1 runs the prompt alone, at half the cost.

    Raises:
        ValueError: Shapes do not fit, or ``opposite`` is missing.
    """
    check_inputs(parts, latents, prompt)
    if guidance == 1:
        return lambda sample, timestep: unet_output(parts, sample, timestep, prompt)
    if opposite is None:
        raise ValueError(f'Expected an `opposite` prompt with a guidance other than 1, but got none and {guidance}.')
    away = as_conditioning(opposite).expand(len(latents))
    check_inputs(parts, latents, away)
    both = as_conditioning(prompt).followed_by(away)

    def predict(sample: Tensor, timestep: int) -> Tensor:
        toward, back = unet_output(parts, torch.cat([sample] * 2), timestep, both).chunk(2)
        return guide_between(toward, back, guidance)

    return predict


@torch.no_grad()
def sample_between(
    parts: Parts, foreground: Context, background: Context, noise: Tensor, scales: Sequence[float], *, steps: int = 50
) -> Tensor:
    """Return the latents that each guidance between two prompts leads to, ``(W, N, C, h, w)`` float32.

    DDIM with eta 0; all scales start from the same noise, so that a row of the result is a picture strip over w.

    Args:
        parts: The model.
        foreground: Condition of the N samples with the object.
        background: Condition without it, of one or of N samples.
        noise: Standard normal, ``(N, C, h, w)``.
        scales: The W values of w; -6.5 to 6.5 in the paper.
        steps: Number of steps; 50 in the paper.

    Raises:
        ValueError: There is no scale, shapes or ``steps`` do not fit, the model is a consistency model, or the result
            is not finite.
    """
    if not len(scales):
        raise ValueError('Expected `scales` to hold at least one number, but got none.')
    path = ddim_steps(parts.scheduler, steps)
    strips = []
    for scale in scales:
        predict = guided_prediction(parts, noise, foreground, background, float(scale))
        sample = noise.to(parts.device).float()
        for step in path:
            output = predict(sample, step.timestep)
            sample = ddim_step(sample, output, step.noisy, step.cleaner, parts.prediction_type)
        strips.append(check_finite(sample, f'sampling with guidance {scale}'))
    return torch.stack(strips)
