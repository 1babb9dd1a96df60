"""What a diffusion model is trained on: a noise level and noise for each sample, and what the network shall answer.

DDPM: Ho et al., NeurIPS 2020, Eq. 14; v-prediction: Salimans and Ho, "Progressive Distillation", ICLR 2022, Appendix D.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .noise import PREDICTION_TYPES


def draw_noising(seeds: Sequence[int], shape: Sequence[int], num_steps: int) -> tuple[Tensor, Tensor]:
    """Return a time step and noise for each sample, each a function of its own seed only.

    So neither the batch, nor the number of processes, nor an interruption changes what a sample is trained on. Drawn on
    the CPU, so every device sees the same numbers.

    Args:
        seeds: One a sample, in [0, 2^63).
        shape: Of one sample's noise, ``(C, h, w)``.
        num_steps: T, the number of training steps of the noise schedule.

    Returns:
        Time steps, int64 ``(N,)`` uniform in [0, T), and standard normal noise, float32 ``(N, C, h, w)``.

    Raises:
        ValueError: There is no seed, or ``num_steps`` is below 1.
    """
    if not len(seeds) or num_steps < 1:
        raise ValueError(
            f'Expected at least one of `seeds` and `num_steps` of 1 or more, but got {len(seeds)} and {num_steps}.'
        )
    steps, noise = [], []
    for seed in seeds:
        generator = torch.Generator().manual_seed(int(seed))
        steps.append(torch.randint(num_steps, (), generator=generator))
        noise.append(torch.randn(tuple(shape), generator=generator))
    return torch.stack(steps), torch.stack(noise)


def denoising_target(clean: Tensor, noise: Tensor, alpha_bar: Tensor, prediction_type: str) -> Tensor:
    """Return what the network should answer for a noised sample; inverse to ``noise.split_prediction``.

    Args:
        clean: Clean latents, any shape.
        noise: The noise that was added, same shape.
        alpha_bar: Cumulative signal power in (0, 1], broadcastable.
        prediction_type: ``scheduler.config.prediction_type``: 'epsilon', 'v_prediction' or 'sample'.

    Raises:
        ValueError: ``prediction_type`` is another word.

    Example:
        >>> denoising_target(torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([0.25]), 'v_prediction')
        tensor([0.1340])
    """
    if prediction_type not in PREDICTION_TYPES:
        raise ValueError(f'Expected `prediction_type` from {", ".join(PREDICTION_TYPES)}, but got {prediction_type!r}.')
    if prediction_type == 'epsilon':
        return noise
    if prediction_type == 'sample':
        return clean
    return alpha_bar.sqrt() * noise - (1 - alpha_bar).sqrt() * clean
