"""Null-text inversion: an image made again almost exactly, under guidance (Mokady et al., CVPR 2023).

G4Seg's alternative to one step of noising (Tab. 5). Shape letters: B prompts, K tokens, D their width.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mmseg_gen.functional.mask_injection import InjectionSettings
from mmseg_gen.functional.noise import ddim_step

from .conditioning import Conditioning, as_conditioning
from .denoising import DdimStep, check_finite, ddim_steps, unet_output
from .inversion import invert_step
from .mask_injection import MaskInjection
from .parts import Parts
from .text import encode_prompts


@dataclass(frozen=True)
class NullTextSettings:
    """Settings of the inversion; the defaults are the authors', but for the number of steps.

    Attributes:
        steps: DDIM steps; 50 in the paper, 20 here.
        guidance: w of classifier-free guidance.
        inner_steps: Steps of Adam at each DDIM step.
        rate: Its learning rate at first; it falls by 1 % of that a DDIM step, with 100 steps to zero.
        tolerance: Squared error at which Adam ends early, raised by twice as much each DDIM step.

    Raises:
        ValueError: A value is out of range.
    """

    steps: int = 20
    guidance: float = 7.5
    inner_steps: int = 10
    rate: float = 1e-2
    tolerance: float = 1e-5

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 100:
            raise ValueError(f'Expected `steps` in [1, 100], but got {self.steps}.')
        if self.inner_steps < 0:
            raise ValueError(f'Expected `inner_steps` to be 0 or more, but got {self.inner_steps}.')
        if not self.rate > 0:
            raise ValueError(f'Expected `rate` to be positive, but got {self.rate}.')


@dataclass(frozen=True, eq=False)
class NullTextPath:
    """An inverted image: noise ``(B, C, h, w)`` and, for each DDIM step, the opposite prompt's tokens ``(B, K, D)``."""

    noise: Tensor
    tokens: list[Tensor]


def invert_with_null_text(
    parts: Parts, latents: Tensor, context: Conditioning, settings: NullTextSettings | None = None
) -> NullTextPath:
    """Return the noise of an image and the empty prompts under which guidance leads from it back to the image.

    Args:
        parts: The model.
        latents: Scaled latents ``(B, C, h, w)``.
        context: Condition of the B prompts.
        settings: None for the defaults.

    Raises:
        ValueError: The result is not finite.
    """
    settings = settings or NullTextSettings()
    steps = ddim_steps(parts.scheduler, settings.steps)
    path = _inversion_path(parts, latents.to(parts.device).float(), context, steps)
    empty = as_conditioning(encode_prompts(parts, [''])).expand(len(latents))
    tokens, current, found = empty.tokens.float(), path[-1], []
    for i, (step, target) in enumerate(zip(steps, reversed(path[:-1]), strict=True)):
        with torch.no_grad():
            prompted = unet_output(parts, current, step.timestep, context)
        tokens = _fit(parts, current, target, prompted, replace(empty, tokens=tokens), step, settings, i)
        found.append(tokens)
        with torch.no_grad():
            opposite = unet_output(parts, current, step.timestep, replace(empty, tokens=tokens))
            current = _guided_move(parts, current, opposite, prompted, step, settings.guidance)
    return NullTextPath(check_finite(path[-1], 'null-text inversion'), found)


@torch.no_grad()
def regenerate_with_null_text(
    parts: Parts,
    path: NullTextPath,
    context: Conditioning,
    masks: Tensor,
    positions: list[list[int]],
    settings: NullTextSettings | None = None,
    injection: InjectionSettings | None = None,
) -> Tensor:
    """Return the latents to which the path leads with masks written into the prompted half, ``(B, C, h, w)``.

    Args:
        parts: The model.
        path: Of the image.
        context: Condition of the B prompts.
        masks: Foreground in [0, 1], ``(B, H, W)``.
        positions: Positions of each class in its prompt.
        settings: Those of the inversion.
        injection: None leaves attention alone.
    """
    settings = settings or NullTextSettings()
    empty, latents = as_conditioning(encode_prompts(parts, [''])).expand(len(masks)), path.noise
    # The opposite prompt's half has no masks and no positions, so nothing is written into it.
    doubled, places = torch.cat([torch.zeros_like(masks), masks]), [[] for _ in positions] + positions
    for step, tokens in zip(ddim_steps(parts.scheduler, settings.steps), path.tokens, strict=True):
        both, context_both = torch.cat([latents] * 2), replace(empty, tokens=tokens).followed_by(context)
        if injection is None:
            output = unet_output(parts, both, step.timestep, context_both)
        else:
            total, size = parts.scheduler.config.num_train_timesteps, (latents.shape[2], latents.shape[3])
            options = dict(timestep=step.timestep, total=total, settings=injection)
            with MaskInjection(parts.unet, doubled, places, size, **options):
                output = unet_output(parts, both, step.timestep, context_both)
        latents = _guided_move(parts, latents, *output.chunk(2), step, settings.guidance)
    return check_finite(latents, 'sampling along the null-text path')


@torch.no_grad()
def _inversion_path(parts: Parts, latents: Tensor, context: Conditioning, steps: list[DdimStep]) -> list[Tensor]:
    """Return the latents at every noise level, from the image to the noise, under the prompt alone."""
    path = [latents]
    for step in reversed(steps):
        path.append(invert_step(parts, path[-1], context, step))
    return path


def _fit(
    parts: Parts,
    current: Tensor,
    target: Tensor,
    prompted: Tensor,
    empty: Conditioning,
    step: DdimStep,
    settings: NullTextSettings,
    index: int,
) -> Tensor:
    """Return the opposite prompt's tokens under which the guided step leads to the target."""
    tokens = empty.tokens.detach().clone().requires_grad_()
    optimizer = torch.optim.Adam([tokens], lr=settings.rate * (1 - index / 100))
    done = torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device)
    for _ in range(settings.inner_steps):
        with torch.enable_grad():
            opposite = unet_output(parts, current, step.timestep, replace(empty, tokens=tokens))
            moved = _guided_move(parts, current, opposite, prompted, step, settings.guidance)
            # Summed over prompts, so that each is fitted as if it were alone.
            errors = (moved - target).square().mean((1, 2, 3))
            (tokens.grad,) = torch.autograd.grad(errors.sum(), tokens)
        before = tokens.detach().clone()
        optimizer.step()
        # Those that are near enough rest while others go on.
        tokens.data[done] = before[done]
        done |= errors.detach() < settings.tolerance * (1 + 2 * index)
        if done.all():
            break
    return tokens.detach()


def _guided_move(
    parts: Parts, latents: Tensor, opposite: Tensor, prompted: Tensor, step: DdimStep, guidance: float
) -> Tensor:
    output = opposite + guidance * (prompted - opposite)
    return ddim_step(latents, output, step.noisy, step.cleaner, parts.prediction_type)
