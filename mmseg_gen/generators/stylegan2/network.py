"""StyleGAN2's generator (Karras et al., CVPR 2020): mapping network, and synthesis with skip connections.

Shape letters: N images, L layers that take a style, D length of a style, R side of the image.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .config import StyleGan2Config
from .layers import EqualizedLinear, StyledConv, ToRgb
from .operations import bias_act, filter_taps, upsample_twice

NOISE_MODES = ('const', 'random', 'none')
State = tuple[Tensor, Tensor | None]
Noise = str | Sequence[Tensor]


class Mapping(nn.Module):
    """From normal noise z to styles w.

    Args:
        config: Sizes.
    """

    def __init__(self, config: StyleGan2Config) -> None:
        super().__init__()
        sizes = [config.latent_dim] + [config.style_dim] * config.mapping_layers
        rate = config.mapping_rate
        self.layers = nn.ModuleList(EqualizedLinear(a, b, rate=rate) for a, b in itertools.pairwise(sizes))
        self.register_buffer('mean_style', torch.zeros(config.style_dim))

    def forward(self, z: Tensor) -> Tensor:
        """Return w ``(N, D)`` without truncation, from z ``(N, latent_dim)``."""
        x = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.layers:
            x = bias_act(layer(x), x.new_zeros(layer.bias.shape))
        return x


class Synthesis(nn.Module):
    """From one style for each layer to the image.

    Layer i takes style i. Odd layers first add the image of the side that is complete, then double the side.

    Args:
        config: Sizes.
    """

    def __init__(self, config: StyleGan2Config) -> None:
        super().__init__()
        channels = config.channels
        self.constant = nn.Parameter(torch.randn(channels[0], 4, 4))
        self.convs = nn.ModuleList([StyledConv(channels[0], channels[0], config, 4, 1)])
        for level, (before, after) in enumerate(itertools.pairwise(channels)):
            side = 8 * 2**level
            self.convs.append(StyledConv(before, after, config, side, 2))
            self.convs.append(StyledConv(after, after, config, side, 1))
        self.to_rgbs = nn.ModuleList(ToRgb(count, config) for count in channels)
        self.register_buffer('taps', filter_taps(), persistent=False)
        self.num_layers = config.num_layers
        self.compute_dtype: torch.dtype | None = None

    def forward(self, styles: Tensor, noise: Noise = 'const', generator: torch.Generator | None = None) -> Tensor:
        """Return images ``(N, 3, R, R)``, nominally in [-1, 1] but not clamped.

        Args:
            styles: One w for each layer, ``(N, L, D)``.
            noise: 'const' takes the noise that is stored with the weights, 'random' draws it, 'none' leaves it out; or
                one map for each convolution, ``(N or 1, 1, h, w)``.
            generator: Source of the random noise.

        Raises:
            ValueError: ``styles`` has another shape, or ``noise`` is another word.
        """
        return self.resume(self.start(len(styles)), styles, 0, self.num_layers, noise, generator)[1]

    def start(self, count: int) -> State:
        """Return the state before the first layer, for ``count`` images."""
        return self.constant.to(self.compute_dtype or self.constant.dtype).expand(count, -1, -1, -1), None

    def resume(
        self,
        state: State,
        styles: Tensor,
        first: int,
        last: int,
        noise: Noise = 'const',
        generator: torch.Generator | None = None,
    ) -> State:
        """Return features and image after the layers ``first`` to ``last - 1``.

        Images that share their first styles can share the work: resume from one state with many styles.

        Args:
            state: From :meth:`start` or a call up to ``first``; of N images.
            styles: One w for each layer, of all L layers, ``(N, L, D)``.
            first: First layer to run.
            last: Layer to stop before, at most L.
            noise: As in :meth:`forward`.
            generator: As in :meth:`forward`.
        """
        _check_styles(styles, self.num_layers)
        maps = _noise_maps(noise, len(self.convs))
        x, image = state
        for layer in range(first, last):
            w = styles[:, layer]
            if layer % 2:
                added = self.to_rgbs[layer // 2](x, w, self.taps)
                image = added if image is None else upsample_twice(image, self.taps) + added
            if layer < len(self.convs):
                x = self.convs[layer](x, w, self.taps, maps[layer], generator)
        return x, image


class StyleGan2(nn.Module):
    """Generator of StyleGAN2.

    Args:
        config: Sizes. The weights are drawn as at the start of a training.
    """

    def __init__(self, config: StyleGan2Config) -> None:
        super().__init__()
        self.config = config
        self.mapping, self.synthesis = Mapping(config), Synthesis(config)

    @property
    def num_layers(self) -> int:
        """Number of styles that an image takes."""
        return self.config.num_layers

    def forward(self, z: Tensor, truncation: float = 1.0, noise: str = 'const') -> Tensor:
        """Return images ``(N, 3, R, R)`` of z ``(N, latent_dim)``; see :meth:`styles` and :class:`Synthesis`."""
        return self.synthesis(self.styles(z, truncation), noise)

    def styles(self, z: Tensor, truncation: float = 1.0, layers: int | None = None) -> Tensor:
        """Return one style for each layer, ``(N, L, D)``.

        Args:
            z: Normal noise, ``(N, latent_dim)``.
            truncation: Share of the way from the mean style to the image's own; 1 leaves it.
            layers: First layers that are truncated; None for all.

        Raises:
            ValueError: ``z`` has another shape, or ``layers`` is outside [0, L].
        """
        if z.ndim != 2 or z.shape[1] != self.config.latent_dim:
            raise ValueError(f'Expected `z` of shape (N, {self.config.latent_dim}), but got {tuple(z.shape)}.')
        layers = self.num_layers if layers is None else layers
        if not 0 <= layers <= self.num_layers:
            raise ValueError(f'Expected `layers` in [0, {self.num_layers}], but got {layers}.')
        w = self.mapping(z)
        near = torch.lerp(self.mapping.mean_style, w, truncation)
        return torch.stack([near] * layers + [w] * (self.num_layers - layers), 1)

    @torch.no_grad()
    def estimate_mean_style(self, count: int = 10000, seed: int = 0) -> Tensor:
        """Return the mean w of ``count`` random z, ``(D,)``: what truncation leads to where none was stored."""
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(count, self.config.latent_dim, generator=generator)
        return self.mapping(z.to(self.mapping.mean_style)).mean(0)


def _check_styles(styles: Tensor, layers: int) -> None:
    if styles.ndim != 3 or styles.shape[1] != layers:
        raise ValueError(f'Expected `styles` of shape (N, {layers}, D), but got {tuple(styles.shape)}.')


def _noise_maps(noise: Noise, count: int) -> Sequence[str | Tensor]:
    maps = [noise] * count if isinstance(noise, str) else noise
    if len(maps) != count or (isinstance(noise, str) and noise not in NOISE_MODES):
        got = repr(noise) if isinstance(noise, str) else len(maps)
        raise ValueError(f'Expected `noise` from {", ".join(NOISE_MODES)}, or {count} maps, but got {got}.')
    return maps
