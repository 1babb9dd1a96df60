"""Guidance from one prompt away from another (fobadiffusion, Eq. 10)."""

from __future__ import annotations

from torch import Tensor


def guide_between(foreground: Tensor, background: Tensor, scale: float) -> Tensor:
    """Return ``w eps(y_f) - (w - 1) eps(y_b)``: 0 is the background's, 1 the foreground's, beyond 1 exaggerates it.

    The factors sum to 1, so v-predictions of one noised sample may be mixed in place of noise.

    Args:
        foreground: Prediction under the foreground's prompt, any shape.
        background: Prediction under the background's, same shape.
        scale: w, any sign; -1 is the background's guidance with w = 2.

    Example:
        >>> import torch
        >>> guide_between(torch.tensor([1.0]), torch.tensor([0.0]), 2.0)
        tensor([2.])
    """
    return scale * foreground - (scale - 1) * background
