"""What a StyleGAN2 looks like: sizes that fix the shape of every tensor."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

_SMALLEST = 4


def check_resolution(resolution: int) -> None:
    """Refuse a side that StyleGAN2 cannot have.

    Raises:
        ValueError: ``resolution`` is no power of two from 4 on.
    """
    whole = isinstance(resolution, int) and not isinstance(resolution, bool)
    if not whole or resolution < _SMALLEST or resolution & (resolution - 1):
        raise ValueError(f'Expected `resolution` to be a power of two from {_SMALLEST} on, but got {resolution!r}.')


def default_channels(resolution: int, base: int = 32768, maximum: int = 512) -> tuple[int, ...]:
    """Return the channels at 4, 8, ..., ``resolution`` pixels: ``base / side``, at most ``maximum``.

    Args:
        resolution: Side of the images, a power of two.
        base: 32768 in configuration F of StyleGAN2 (`channel_multiplier` 2 elsewhere).
        maximum: 512 in StyleGAN2.

    Example:
        >>> default_channels(256)
        (512, 512, 512, 512, 512, 256, 128)
    """
    check_resolution(resolution)
    return tuple(min(base // 2**level, maximum) for level in range(2, resolution.bit_length()))


@dataclass(frozen=True)
class StyleGan2Config:
    """Sizes of a StyleGAN2 generator with skip connections (configuration E and F).

    Attributes:
        resolution: Side of the images, a power of two.
        channels: Channels at 4, 8, ..., ``resolution`` pixels.
        latent_dim: Length of z.
        style_dim: Length of w.
        mapping_layers: Layers from z to w.
        mapping_rate: Learning-rate factor of those layers; it scales their stored weights.
        clamp: Bound of all activations, or None.

    Raises:
        ValueError: A value is out of range, or there is not one number of channels for each side.
        TypeError: A field is unknown (from :meth:`from_dict`).
    """

    resolution: int
    channels: tuple[int, ...]
    latent_dim: int = 512
    style_dim: int = 512
    mapping_layers: int = 8
    mapping_rate: float = 0.01
    clamp: float | None = None

    def __post_init__(self) -> None:
        check_resolution(self.resolution)
        object.__setattr__(self, 'channels', tuple(self.channels))
        levels = self.resolution.bit_length() - 2
        if len(self.channels) != levels or min(self.channels) < 1:
            raise ValueError(
                f'Expected `channels` with {levels} numbers of 1 or more, one for each side from 4 to '
                f'{self.resolution}, but got {self.channels}.'
            )
        for name in ('latent_dim', 'style_dim', 'mapping_layers'):
            if getattr(self, name) < 1:
                raise ValueError(f'Expected `{name}` to be 1 or more, but got {getattr(self, name)}.')
        if not self.mapping_rate > 0:
            raise ValueError(f'Expected `mapping_rate` to be positive, but got {self.mapping_rate}.')
        if self.clamp is not None and not self.clamp > 0:
            raise ValueError(f'Expected `clamp` to be positive or None, but got {self.clamp}.')

    @property
    def num_layers(self) -> int:
        """Number of styles that an image takes: 18 at 1024 pixels."""
        return 2 * len(self.channels)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return asdict(self) | {'channels': list(self.channels)}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> StyleGan2Config:
        """Return the config of :meth:`to_dict`."""
        return cls(**fields)
