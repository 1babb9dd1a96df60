"""The control image that tells a ControlNet where a class is (G4Seg, Appendix G)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mmseg_gen.functional.mask_injection import layer_mask

RGB = Sequence[int]


@dataclass(frozen=True)
class ControlSettings:
    """How masks are shown to a ControlNet.

    Attributes:
        model: Folder or hub id of a ControlNet in diffusers' layout.
        colors: RGB of each class's mask, by the words that the prompt has for it; ControlNets for segmentation were
            trained on the palette of ADE20K, where the paper takes the nearest class.
        color: RGB of the classes that ``colors`` does not name.
        background: RGB of all that is not the class.
        scale: Factor of what the ControlNet adds, 0 or more.
        soft: Blend the colours by the probabilities; else the mask where they exceed one half.
        revision: Of the ControlNet on the hub.

    Raises:
        ValueError: There is no ``model``, or a value is out of range.
    """

    model: str = ''
    colors: Mapping[str, RGB] = field(default_factory=dict)
    color: RGB = (255, 255, 255)
    background: RGB = (0, 0, 0)
    scale: float = 1.0
    soft: bool = False
    revision: str | None = None

    def __post_init__(self) -> None:
        if not self.model:
            raise ValueError(
                'Expected `model` of `control`: the folder or hub id of a ControlNet, such as '
                "'lllyasviel/control_v11p_sd15_seg' for Stable Diffusion 1.5, but got none; the package brings none."
            )
        if not 0 <= self.scale < math.inf:
            raise ValueError(f'Expected `scale` to be 0 or more and finite, but got {self.scale}.')
        for color in (*self.colors.values(), self.color, self.background):
            check_color(color)


def control_images(
    masks: Tensor, colors: Sequence[RGB], background: RGB, size: tuple[int, int], soft: bool = False
) -> Tensor:
    """Return each mask painted in its colour, RGB in [0, 1] ``(N, 3, H, W)``; differentiable where ``soft``.

    Args:
        masks: Foreground in [0, 1], ``(N, h, w)`` at any size; means over area go to the new one.
        colors: Of each foreground, three levels in [0, 255].
        background: Of what is outside, likewise.
        size: H and W.
        soft: Blend the colours by the probabilities; else cut the masks at one half.

    Raises:
        ValueError: There is not one colour per mask, or a colour is not three levels in [0, 255].

    Example:
        >>> control_images(torch.tensor([[[1.0, 0.0]]]), [(255, 0, 0)], (0, 0, 255), (1, 2))[0, :, 0].tolist()
        [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]
    """
    if len(colors) != len(masks):
        raise ValueError(f'Expected one of `colors` for each of {len(masks)} masks, but got {len(colors)}.')
    for color in (*colors, background):
        check_color(color)
    flat = layer_mask(masks, size, soft).view(len(masks), 1, *size)
    painted, plain = (
        torch.tensor([list(c) for c in given], dtype=masks.dtype, device=masks.device).view(-1, 3, 1, 1) / 255
        for given in (colors, [background])
    )
    return flat * painted + (1 - flat) * plain


def check_color(color: RGB) -> None:
    """Refuse what is no colour.

    Raises:
        ValueError: It is not three levels in [0, 255].
    """
    if isinstance(color, str) or len(color) != 3 or not all(0 <= level <= 255 for level in color):
        raise ValueError(f'Expected a colour of three levels in [0, 255], but got {color}.')
