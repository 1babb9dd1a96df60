"""From latents back to the noise that leads to them: DDIM inversion."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import torch
from torch import Tensor

from mmseg_gen.functional.noise import ddim_step, split_prediction

from .conditioning import Context
from .denoising import DdimStep, check_finite, check_inputs, ddim_steps, recording, unet_output
from .parts import Parts
from .recording import Recording


@torch.no_grad()
def invert_latents(
    parts: Parts,
    latents: Tensor,
    context: Context,
    *,
    steps: int = 40,
    fixed_point: int = 0,
    recorder: Recording | None = None,
    features: Recording | None = None,
) -> Tensor:
    """Return noise ``(N, C, h, w)`` float32 from which sampling without guidance returns to the latents.

    Without refinements it is diffusers' ``DDIMInverseScheduler``: the noise at the next, noisier point is
    taken to be that of the present one, an error of first order in 1 / ``steps``. Each refinement evaluates
    it at the point just reached and converges to the exact inverse of the DDIM step. Reconstruct with
    ``sample_latents(..., guidance=1)``.

    Args:
        parts: The model; 'epsilon' and 'v_prediction' alike.
        latents: Scaled latents of an image, ``(N, C, h, w)``.
        context: Condition of N prompts, from :func:`~mmseg_gen.generators.text.encode_prompts`.
        steps: Number of steps; 40 in DiffusionSeg.
        fixed_point: Refinements per step; each costs one more UNet call.
        recorder: An ``AttentionRecorder``; it sees the last evaluation of each step, and need not be entered.
        features: A ``FeatureRecorder``, likewise.

    Raises:
        ValueError: Shapes, ``steps`` or ``fixed_point`` do not fit, the result is not finite, or the model is
            a consistency model (see :func:`~mmseg_gen.generators.denoising.ddim_steps`).
    """
    check_inputs(parts, latents, context)
    if fixed_point < 0:
        raise ValueError(f'Expected `fixed_point` to be 0 or more, but got {fixed_point}.')
    latents = latents.to(parts.device).float()
    listeners = [r for r in (recorder, features) if r is not None]
    with recording(False, *listeners):
        for step in reversed(ddim_steps(parts.scheduler, steps)):
            latents = invert_step(parts, latents, context, step, fixed_point, listeners)
    return check_finite(latents, 'inversion')


def invert_step(
    parts: Parts,
    latents: Tensor,
    context: Context,
    step: DdimStep,
    fixed_point: int = 0,
    listeners: Sequence[Recording] = (),
) -> Tensor:
    """Return latents ``(N, C, h, w)`` carried from the cleaner end of a step to its noisier end.

    Args:
        parts: The model.
        latents: At the cleaner end, ``(N, C, h, w)``.
        context: Condition of N prompts.
        step: One step of the path.
        fixed_point: Refinements, as in :func:`invert_latents`.
        listeners: Recorders in place; they see the last evaluation only.
    """
    moved, level = latents, step.cleaner
    for refinement in range(fixed_point + 1):
        with ExitStack() as stack:
            if refinement < fixed_point:
                for listener in listeners:
                    stack.enter_context(listener.paused())
            output = unet_output(parts, moved, step.timestep, context)
        _, noise = split_prediction(moved, output, level, parts.prediction_type)
        moved, level = ddim_step(latents, noise, step.cleaner, step.noisy, 'epsilon'), step.noisy
    return moved
