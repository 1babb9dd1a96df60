"""The forward noising of diffusion models and its inversion, always in alpha-bar.

DDIM: Song et al., "Denoising Diffusion Implicit Models", ICLR 2021, Eq. 12 with eta 0; v-prediction:
Salimans and Ho, "Progressive Distillation", ICLR 2022, Appendix D. ``alpha_bar`` is the cumulative product
of the schedule (``scheduler.alphas_cumprod``), in (0, 1]; it broadcasts against the samples, for example as
``(N, 1, 1, 1)``.
"""

from __future__ import annotations

from torch import Tensor

PREDICTION_TYPES = ('epsilon', 'v_prediction', 'sample')


def add_noise(clean: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """Return the noised sample ``sqrt(alpha_bar) clean + sqrt(1 - alpha_bar) noise``.

    Args:
        clean: Clean latents, any shape.
        noise: Standard normal noise of the same shape.
        alpha_bar: Cumulative signal power in (0, 1], broadcastable against ``clean``.

    Example:
        >>> import torch
        >>> add_noise(torch.tensor([1.0]), torch.tensor([0.0]), torch.tensor([0.25]))
        tensor([0.5000])
    """
    return alpha_bar.sqrt() * clean + (1 - alpha_bar).sqrt() * noise


def split_prediction(sample: Tensor, output: Tensor, alpha_bar: Tensor, prediction_type: str) -> tuple[Tensor, Tensor]:
    """Return the clean latents and the noise that a network's output stands for.

    Args:
        sample: Noised latents, any shape.
        output: What the network returned for ``sample``, same shape.
        alpha_bar: Cumulative signal power in (0, 1], broadcastable; below 1 where ``prediction_type`` is
            'sample'.
        prediction_type: ``scheduler.config.prediction_type``: 'epsilon', 'v_prediction' or 'sample'.

    Raises:
        ValueError: ``prediction_type`` is another word.
    """
    signal, spread = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
    if prediction_type == 'epsilon':
        return (sample - spread * output) / signal, output
    if prediction_type == 'v_prediction':
        return signal * sample - spread * output, signal * output + spread * sample
    if prediction_type == 'sample':
        return output, (sample - signal * output) / spread
    raise ValueError(f'Expected `prediction_type` from {", ".join(PREDICTION_TYPES)}, but got {prediction_type!r}.')


def ddim_step(sample: Tensor, output: Tensor, alpha_bar: Tensor, target: Tensor, prediction_type: str) -> Tensor:
    """Return the sample at another time, earlier or later: one DDIM step with eta 0.

    Args:
        sample: Noised latents, any shape.
        output: What the network returned for ``sample``, same shape.
        alpha_bar: Cumulative signal power of the sample's time, as in :func:`split_prediction`.
        target: That of the time to move to, in (0, 1], broadcastable.
        prediction_type: As in :func:`split_prediction`.

    Raises:
        ValueError: ``prediction_type`` is another word.
    """
    return add_noise(*split_prediction(sample, output, alpha_bar, prediction_type), target)
