"""The loss of concept distillation: a squared error that counts inside a mask only (fobadiffusion, App. B)."""

from __future__ import annotations

import torch
from torch import Tensor

NORMALIZATIONS = ('area', 'tensor')


def masked_squared_error(output: Tensor, target: Tensor, mask: Tensor, normalization: str = 'area') -> Tensor:
    """Return the mean over samples of their squared errors inside the masks, a scalar, float32 at least.

    A sample with an empty mask counts as 0 and has no gradient; what lies outside a mask has none either.

    Args:
        output: What the network predicts, ``(N, C, h, w)``.
        target: What it should, same shape.
        mask: Weights in [0, 1] of each place, ``(N, 1, h, w)``.
        normalization: 'area' divides a sample's sum by the area of its mask, so that small backgrounds weigh as much as
            whole images (ours); 'tensor' divides by the number of all entries, as the authors' code does.

    Raises:
        ValueError: A shape does not fit, or ``normalization`` is another word.
    """
    if normalization not in NORMALIZATIONS:
        raise ValueError(f'Expected `normalization` from {", ".join(NORMALIZATIONS)}, but got {normalization!r}.')
    if output.ndim != 4 or output.shape != target.shape:
        raise ValueError(
            f'Expected `output` and `target` of one shape (N, C, h, w), but got {tuple(output.shape)} and '
            f'{tuple(target.shape)}.'
        )
    if mask.shape != (len(output), 1, *output.shape[2:]):
        raise ValueError(
            f'Expected `mask` of shape {(len(output), 1, *output.shape[2:])}, but got {tuple(mask.shape)}.'
        )
    # Sums over a sample leave the range of float16.
    weights = mask.to(torch.promote_types(output.dtype, torch.float32))
    # Not a product alone: an infinite error outside the mask times zero would be NaN, and so would its gradient if it
    # were squared first.
    errors = torch.where(weights > 0, output - target, 0).to(weights.dtype).square() * weights
    if normalization == 'tensor':
        return errors.mean()
    area = weights.sum((1, 2, 3)) * output.shape[1]
    return (errors.sum((1, 2, 3)) / torch.where(area > 0, area, 1)).mean()
