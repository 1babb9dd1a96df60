"""The DDIM time steps of a scheduler and one call of the UNet at one of them.

Steps follow diffusers' ``DDIMScheduler`` (Song et al. 2021, eta 0), its rounding of timesteps included, so
that the same latents come out of both.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from diffusers import LCMScheduler
from torch import Tensor

from .conditioning import Context, as_conditioning, has_sizes, unet_conditions
from .recording import Recording

if TYPE_CHECKING:
    from .parts import Parts


@dataclass(frozen=True)
class DdimStep:
    """One step between two noise levels.

    Attributes:
        timestep: What the network is told, in both directions.
        noisy: alpha-bar at the noisier end, a scalar tensor in float32.
        cleaner: alpha-bar at the cleaner end.
    """

    timestep: int
    noisy: Tensor
    cleaner: Tensor


def ddim_steps(scheduler, steps: int) -> list[DdimStep]:
    """Return the steps from noise to image.

    Args:
        scheduler: diffusers' ``DDIMScheduler``; it is not changed.
        steps: Number of steps, T in the paper, in [1, number of training steps].

    Raises:
        ValueError: ``steps`` is out of range, or the scheduler is that of a consistency model, whose output
            points at the image and not along the path there: DDIM has no such path to follow or invert.
    """
    if isinstance(scheduler, LCMScheduler):
        raise ValueError(
            'Expected a diffusion model with a DDIM schedule, but got a consistency model (LCMScheduler), which '
            'cannot be inverted; use the model that it was distilled from, or read its output as noise all the '
            'same: dataclasses.replace(parts, scheduler=DDIMScheduler.from_config(parts.scheduler.config)).'
        )
    total = scheduler.config.num_train_timesteps
    if not 1 <= steps <= total:
        raise ValueError(f'Expected `steps` in [1, {total}], but got {steps}.')
    own = type(scheduler).from_config(scheduler.config)
    own.set_timesteps(steps)
    found = []
    for timestep in own.timesteps.tolist():
        before = timestep - total // steps
        cleaner = own.alphas_cumprod[before] if before >= 0 else own.final_alpha_cumprod
        found.append(DdimStep(timestep, own.alphas_cumprod[timestep].float(), cleaner.float()))
    return found


def unet_output(parts: Parts, latents: Tensor, timestep: int, context: Context, guidance: float = 1.0) -> Tensor:
    """Return what the UNet predicts, in float32, whatever its own precision.

    Args:
        parts: The model.
        latents: Noised latents ``(N, C, h, w)``.
        timestep: In [0, number of training steps).
        context: Condition of the N samples, from :func:`~mmseg_gen.generators.text.encode_prompts`.
        guidance: Told to a distilled UNet (LCM); no other UNet is asked to guide itself.
    """
    conditions = unet_conditions(parts, latents, context, guidance)
    output = parts.unet(latents.to(parts.dtype), timestep, **conditions, return_dict=False)
    return output[0].float()


def check_inputs(parts: Parts, latents: Tensor, context: Context) -> None:
    """Refuse latents and prompts that do not fit the model or one another.

    Raises:
        ValueError: A shape does not fit.
    """
    channels, width = parts.unet.config.in_channels, parts.unet.config.cross_attention_dim
    if latents.ndim != 4 or latents.shape[1] != channels:
        raise ValueError(f'Expected latents of shape (N, {channels}, h, w), but got {tuple(latents.shape)}.')
    whole = as_conditioning(context)
    if whole.tokens.ndim != 3 or len(whole) != len(latents) or whole.tokens.shape[2] != width:
        raise ValueError(
            f'Expected `context` of shape ({len(latents)}, K, {width}), but got {tuple(whole.tokens.shape)}.'
        )
    if has_sizes(parts) != (whole.pooled is not None):
        wanted = 'with' if has_sizes(parts) else 'without'
        raise ValueError(
            f'Expected `context` {wanted} pooled text for {parts.name}, but got a {type(context).__name__} of '
            'another kind of model; encode the prompts with the same parts.'
        )


def check_finite(latents: Tensor, what: str) -> Tensor:
    """Return the latents if all are finite.

    Raises:
        ValueError: Some are not; the text names the likely cure.
    """
    if not torch.isfinite(latents).all():
        raise ValueError(
            f'Expected finite latents after {what}, but got NaN or infinite values. Load the model in '
            'dtype=torch.float32, or check that its scheduler has the prediction_type that it was trained '
            'with.'
        )
    return latents


def recording(conditional_half: bool, *recorders: Recording | None) -> ExitStack:
    """Return a context in which the recorders run and know whether the batch is doubled for guidance."""
    stack = ExitStack()
    for recorder in recorders:
        if recorder is not None:
            stack.enter_context(recorder.reading(conditional_half))
    return stack
