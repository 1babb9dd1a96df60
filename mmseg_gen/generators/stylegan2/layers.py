"""The layers of StyleGAN2's generator (Karras et al., CVPR 2020).

Weights are stored at unit scale and multiplied where they are used (equalised learning rate). Shape letters: N images,
I channels that go in, D length of a style.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .config import StyleGan2Config
from .operations import bias_act, modulated_conv2d


class EqualizedLinear(nn.Module):
    """A linear layer whose stored weights have the scale 1 / ``rate``.

    Args:
        inputs: Features that go in.
        outputs: Features that come out.
        rate: Factor on weights and bias, the layer's share of the learning rate.
        bias: Initial value of the bias.
    """

    def __init__(self, inputs: int, outputs: int, *, rate: float = 1.0, bias: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, outputs)``."""
        return x @ self.weight.T * (self.rate / math.sqrt(self.weight.shape[1])) + self.bias * self.rate


class StyledConv(nn.Module):
    """Modulated convolution, noise and activation.

    Args:
        inputs: Channels that go in.
        outputs: Channels that come out.
        config: Sizes.
        resolution: Side of the result.
        up: 2 to double the side, else 1.
    """

    def __init__(self, inputs: int, outputs: int, config: StyleGan2Config, resolution: int, up: int) -> None:
        super().__init__()
        self.style = EqualizedLinear(config.style_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer('noise', torch.randn(resolution, resolution))
        self.up, self.clamp = up, config.clamp

    def forward(
        self, x: Tensor, w: Tensor, taps: Tensor, noise: str | Tensor, generator: torch.Generator | None
    ) -> Tensor:
        """Return the activations, from ``(N, I, H, W)`` and w ``(N, D)``; for the noise see :class:`Synthesis`."""
        # No factor for the size of the kernel: demodulation would cancel it.
        x = modulated_conv2d(x, self.weight, self.style(w), taps, up=self.up)
        if isinstance(noise, Tensor):
            x = x + (noise * self.noise_strength).to(x.dtype)
        elif noise == 'const':
            x = x + (self.noise * self.noise_strength).to(x.dtype)
        elif noise == 'random':
            drawn = torch.randn((len(x), 1, *x.shape[2:]), generator=generator, device=x.device)
            x = x + (drawn * self.noise_strength).to(x.dtype)
        return bias_act(x, self.bias, clamp=self.clamp)


class ToRgb(nn.Module):
    """What one resolution adds to the image.

    Args:
        inputs: Channels that go in.
        config: Sizes.
    """

    def __init__(self, inputs: int, config: StyleGan2Config) -> None:
        super().__init__()
        self.style = EqualizedLinear(config.style_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(3, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))
        self.clamp = config.clamp

    def forward(self, x: Tensor, w: Tensor, taps: Tensor) -> Tensor:
        """Return ``(N, 3, H, W)`` float32 at least, from ``(N, I, H, W)`` and w ``(N, D)``."""
        styles = self.style(w) / math.sqrt(self.weight.shape[1])
        rgb = modulated_conv2d(x, self.weight, styles, taps, demodulate=False)
        rgb = rgb + self.bias.to(rgb.dtype)[:, None, None]
        rgb = rgb if self.clamp is None else rgb.clamp(-self.clamp, self.clamp)
        return rgb.to(torch.promote_types(rgb.dtype, torch.float32))
