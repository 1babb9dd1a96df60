"""StyleGAN2's operations in pure PyTorch (Karras et al., CVPR 2020): resampling, activation, modulated convolution.

Shape letters: N images, I and O channels, K the side of a kernel, T the length of a filter.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

FILTER = (1.0, 3.0, 3.0, 1.0)
SLOPE, GAIN = 0.2, math.sqrt(2)
_EPSILON = 1e-8


def filter_taps() -> Tensor:
    """Return the separable low-pass filter of StyleGAN2, sum 1, ``(4,)`` float32."""
    taps = torch.tensor(FILTER)
    return taps / taps.sum()


def upfir2d(x: Tensor, taps: Tensor, *, up: int = 1, padding: tuple[int, int] = (0, 0), gain: float = 1.0) -> Tensor:
    """Insert zeros, pad, and convolve with a separable filter along both axes.

    Args:
        x: ``(N, C, H, W)``.
        taps: Filter ``(T,)``; a true convolution, so it is turned around.
        up: Pixels for each one; ``up - 1`` zeros follow each pixel.
        padding: Pixels of zeros before and after, on both axes; negative ones crop.
        gain: Factor on the result.
    """
    count, channels, height, width = x.shape
    if up > 1:
        x = x.reshape(count, channels, height, 1, width, 1)
        x = F.pad(x, (0, up - 1, 0, 0, 0, up - 1)).reshape(count, channels, height * up, width * up)
    x = F.pad(x, (*padding, *padding))
    kernel = (taps.flip(0) * math.sqrt(gain)).to(x.dtype).expand(channels, 1, -1)
    x = F.conv2d(x, kernel[:, :, :, None], groups=channels)
    return F.conv2d(x, kernel[:, :, None, :], groups=channels)


def upsample_twice(x: Tensor, taps: Tensor) -> Tensor:
    """Return the image at twice the side, brightness kept: how ToRGB's skip path grows. ``(N, C, 2H, 2W)``."""
    return upfir2d(x, taps, up=2, padding=((len(taps) + 1) // 2, (len(taps) - 2) // 2), gain=4)


def bias_act(x: Tensor, bias: Tensor, *, clamp: float | None = None) -> Tensor:
    """Return ``sqrt(2) * leaky_relu(x + bias, 0.2)``, clamped to [-clamp, clamp].

    Args:
        x: ``(N, C)`` or ``(N, C, H, W)``.
        bias: ``(C,)``.
        clamp: Bound of the result; None for none. NVIDIA's half-precision models have 256.
    """
    shape = (1, -1, *[1] * (x.ndim - 2))
    out = F.leaky_relu(x + bias.to(x.dtype).reshape(shape), SLOPE) * GAIN
    return out if clamp is None else out.clamp(-clamp, clamp)


def modulated_conv2d(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    taps: Tensor,
    *,
    demodulate: bool = True,
    up: int = 1,
) -> Tensor:
    """Return the convolution with weights scaled by input channel, and to unit norm by output channel (Sec. 2.2).

    The scales are applied to the activations before and after the convolution, which is the same and lets all images
    share one kernel.

    Args:
        x: ``(N, I, H, W)``.
        weight: ``(O, I, K, K)`` with K odd. As a correlation where ``up`` is 1; as a convolution where it is 2, which
            is how both public implementations store it.
        styles: Scale of each input channel, ``(N, I)``.
        taps: Filter ``(T,)`` for ``up``.
        demodulate: Scale each output channel's weights to unit norm.
        up: 1 or 2.

    Returns:
        ``(N, O, H * up, W * up)`` in the dtype of ``x``.

    Raises:
        ValueError: ``up`` is neither 1 nor 2.
    """
    if up not in (1, 2):
        raise ValueError(f'Expected `up` of 1 or 2, but got {up}.')
    if demodulate and x.dtype == torch.float16:
        # Demodulation cancels any scale; these keep the activations far from the end of half precision.
        weight = weight / weight.abs().amax((1, 2, 3), keepdim=True) / math.sqrt(weight[0].numel())
        styles = styles / styles.abs().amax(1, keepdim=True)
    out = _resampled_convolution(x * styles.to(x.dtype)[:, :, None, None], weight.to(x.dtype), taps, up)
    if not demodulate:
        return out
    norms = styles.square() @ weight.square().sum((2, 3)).T
    return out * (norms + _EPSILON).rsqrt().to(x.dtype)[:, :, None, None]


def _resampled_convolution(x: Tensor, weight: Tensor, taps: Tensor, up: int) -> Tensor:
    side, length = weight.shape[-1], len(taps)
    if up == 2:
        spare = (length - 2) - (side - 1)
        grown = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        return upfir2d(grown, taps, padding=((spare + 1) // 2 + 1, spare // 2 + 1), gain=4)
    return F.conv2d(x, weight, padding=side // 2)
