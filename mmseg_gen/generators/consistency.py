"""Sampling of latent consistency models (Luo et al. 2023): each step jumps to the image, then noises it again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import torch
from diffusers import LCMScheduler
from torch import Tensor


def consistency_path(
    scheduler: LCMScheduler, noise: Tensor, steps: int, predict: Callable[[Tensor, int], Tensor]
) -> Tensor:
    """Return the latents that a consistency model ends at, ``(N, C, h, w)`` float32.

    Args:
        scheduler: diffusers' scheduler, whose formulas are used; it is not changed.
        noise: Standard normal ``(N, C, h, w)``.
        steps: Number of steps, in [1, ``original_inference_steps``]; 4 to 8 in the paper.
        predict: The network's output at (latents, timestep).

    Raises:
        ValueError: ``steps`` is out of range.
    """
    most = scheduler.config.original_inference_steps
    if not 1 <= steps <= most:
        raise ValueError(f'Expected `steps` in [1, {most}] for a consistency model, but got {steps}.')
    own = LCMScheduler.from_config(scheduler.config)
    own.set_timesteps(steps)
    latents, generators = noise, step_generators(noise)
    for timestep in own.timesteps.tolist():
        latents = own.step(predict(latents, timestep), timestep, latents, generator=generators).prev_sample
    return latents


def step_generators(noise: Tensor) -> list[torch.Generator]:
    """Return the source of each sample's noise between the steps, a function of its first noise only.

    So a sample does not depend on its batch, on the device or on anything drawn before.

    Args:
        noise: The noise that sampling starts from, ``(N, C, h, w)``.
    """
    seeds = [hashlib.sha256(sample.float().cpu().numpy().tobytes()).digest()[:8] for sample in noise]
    return [torch.Generator().manual_seed(int.from_bytes(seed, 'big') >> 1) for seed in seeds]
