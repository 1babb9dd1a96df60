"""The DDIM time steps of a scheduler and one call of the UNet at one of them.

Steps follow diffusers' ``DDIMScheduler`` (Song et al. 2021, eta 0), its rounding of timesteps included, so
that the same latents come out of both.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

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
        ValueError: ``steps`` is out of range.
    """
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


def unet_output(parts: Parts, latents: Tensor, timestep: int, context: Tensor) -> Tensor:
    """Return what the UNet predicts, in float32, whatever its own precision.

    Args:
        parts: The model.
        latents: Noised latents ``(N, C, h, w)``.
        timestep: In [0, number of training steps).
        context: Prompt embeddings ``(N, K, D)``.
    """
    unet = parts.unet
    output = unet(latents.to(unet.dtype), timestep, encoder_hidden_states=context.to(unet.dtype), return_dict=False)
    return output[0].float()


def check_inputs(parts: Parts, latents: Tensor, context: Tensor) -> None:
    """Refuse latents and prompts that do not fit the model or one another.

    Raises:
        ValueError: A shape does not fit.
    """
    channels, width = parts.unet.config.in_channels, parts.unet.config.cross_attention_dim
    if latents.ndim != 4 or latents.shape[1] != channels:
        raise ValueError(f'Expected latents of shape (N, {channels}, h, w), but got {tuple(latents.shape)}.')
    if context.ndim != 3 or context.shape[0] != latents.shape[0] or context.shape[2] != width:
        raise ValueError(
            f'Expected `context` of shape ({latents.shape[0]}, K, {width}), but got {tuple(context.shape)}.'
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
