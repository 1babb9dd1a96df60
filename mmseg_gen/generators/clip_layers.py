"""Hidden states of CLIP's image tower as feature maps, for decoders trained on them (DiffusionSeg, Tab. 4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .clip_prior import DEVIATION, MEAN
from .parts import ClipParts


@torch.no_grad()
def clip_layer_maps(clip: ClipParts, images: Tensor, layers: Sequence[int]) -> list[Tensor]:
    """Return the patches' states after chosen layers, ``(N, D, H / P, W / P)`` float32 each, P the patch's side.

    Args:
        clip: The model.
        images: RGB in [-1, 1], ``(N, 3, H, W)``; the sides are multiples of P.
        layers: Numbers of layers, 0 for the embedded patches, negative ones from the end.

    Raises:
        ValueError: A layer is out of range, or a side is no multiple of P.
    """
    tower = clip.model.vision_model
    depth, patch = tower.config.num_hidden_layers, tower.config.patch_size
    if any(not -depth - 1 <= layer <= depth for layer in layers) or not layers:
        raise ValueError(f'Expected `layers` from 0 to {depth}, at least one, but got {list(layers)}.')
    height, width = images.shape[-2:]
    if height % patch or width % patch:
        raise ValueError(f'Expected `images` with sides divisible by {patch}, but got {height} x {width}.')
    mean, deviation = (torch.tensor(v, device=images.device).view(3, 1, 1) for v in (MEAN, DEVIATION))
    pixels = ((images.float() + 1) / 2 - mean) / deviation
    states = tower(pixel_values=pixels, output_hidden_states=True, interpolate_pos_encoding=True).hidden_states
    # The first token stands for the whole image.
    return [states[i][:, 1:].float().mT.unflatten(2, (height // patch, width // patch)) for i in layers]
