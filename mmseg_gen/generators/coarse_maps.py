"""Coarse class probabilities without a segmentor: cross-attention (DiffSegmenter), CLIP's dense values (MaskCLIP).

Both return ``(n + 1, H, W)`` float32 summing to 1, the background first, for refiners to go on from.
Shape letters: n classes, ``(H, W)`` the image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_gen.functional.attention import min_max, resize_maps
from mmseg_gen.functional.canvas import resize_map
from mmseg_gen.functional.noise import add_noise

from .capture import AttentionRecorder
from .clip_prior import ClipPrior
from .denoising import unet_output
from .dense_features import clip_values
from .latents import draw_noise, encode_images, image_tensor
from .one_step import check_timestep
from .parts import ClipParts, Parts
from .prompts import class_token_positions
from .text import encode_prompts


@torch.no_grad()
def attention_probabilities(
    parts: Parts,
    image: np.ndarray,
    names: Sequence[str],
    *,
    timestep: int = 100,
    background: float = 0.5,
    prompt: str = 'a photo of a {class}',
    seed: int = 0,
) -> np.ndarray:
    """Return probabilities from one pass of the UNet: cross-attention spread by self-attention (DiffSegmenter).

    Each class's map, the mean over layers, is multiplied by the finest self-attention and scaled to [0, 1]; a pixel is
    background as far as its largest map is below ``background``.

    Args:
        parts: The model.
        image: RGB uint8 ``(H, W, 3)``, sides multiples of the UNet's coarsest cell.
        names: n classes.
        timestep: Noise level; 100 in DiffSegmenter's code.
        background: Value of a map at which the class and the background are equally likely, in (0, 1).
        prompt: Holds ``{class}``.
        seed: Of the noise.

    Raises:
        ValueError: ``background`` or ``timestep`` is out of range, or the image does not fit.
    """
    if not 0 < background < 1:
        raise ValueError(f'Expected `background` in (0, 1), but got {background}.')
    check_timestep(parts, timestep)
    texts = [prompt.replace('{class}', name) for name in names]
    positions = [class_token_positions(parts.tokenizer, text, name) for text, name in zip(texts, names, strict=True)]
    latents = encode_images(parts, image_tensor([image])).expand(len(names), -1, -1, -1)
    noise = draw_noise(parts, [seed], latents.shape[-2:])
    noised = add_noise(latents, noise, parts.alphas_cumprod[timestep].float())
    recorder = AttentionRecorder(parts.unet, tuple(latents.shape[-2:]))
    with recorder:
        unet_output(parts, noised, timestep, encode_prompts(parts, texts))
    maps = resize_maps(recorder.cross_maps(positions), recorder.size).mean(1)
    spread = torch.stack([_spread(recorder, i, own) for i, own in enumerate(maps)])
    scaled = resize_map(np.ascontiguousarray(min_max(spread).permute(1, 2, 0).cpu().numpy()), image.shape[:2])
    scores = scaled.reshape(*image.shape[:2], len(names)).transpose(2, 0, 1)
    odds = scores * (1 - background) / (background * np.maximum(1 - scores, 1e-3))
    return _with_background(odds)


def _spread(recorder: AttentionRecorder, index: int, own: Tensor) -> Tensor:
    """Return a map ``(h, w)`` averaged with the weights of the finest self-attention."""
    _, attention, grid = recorder.self_levels(index)[0]
    flat = F.interpolate(own[None, None], grid, mode='bilinear', align_corners=False).flatten()
    spread = (attention @ flat).view(1, 1, *grid)
    return F.interpolate(spread, recorder.size, mode='bilinear', align_corners=False)[0, 0]


@torch.no_grad()
def clip_probabilities(
    clip: ClipParts,
    image: np.ndarray,
    names: Sequence[str],
    *,
    scale: float = 2.0,
    background: Sequence[str] = ('background',),
    templates: Sequence[str] = ('a photo of a {}',),
    temperature: float | None = None,
) -> np.ndarray:
    """Return probabilities from the cosine of CLIP's dense values with texts (MaskCLIP, Zhou et al., ECCV 2022).

    Args:
        clip: The model.
        image: RGB uint8 ``(H, W, 3)``.
        names: n classes.
        scale: Enlarges the image: CLIP's patches are coarse.
        background: Texts for what is none of the classes; the most similar one counts.
        templates: Texts with ``{}`` for the class.
        temperature: Of the softmax; None for CLIP's own.
    """
    values = F.normalize(clip_values(clip, image_tensor([image]), scale), dim=1)[0]
    texts = ClipPrior(clip, [*background, *names], templates).texts
    cosine = torch.einsum('tc,chw->thw', texts, values)
    merged = torch.cat([cosine[: len(background)].amax(0, keepdim=True), cosine[len(background) :]])
    sharpness = clip.model.logit_scale.exp() if temperature is None else 1 / temperature
    resized = F.interpolate(merged[None], image.shape[:2], mode='bilinear', align_corners=False)[0]
    return (sharpness * resized).softmax(0).cpu().numpy()


def _with_background(odds: np.ndarray) -> np.ndarray:
    """Return probabilities from each class's odds against the background."""
    values = np.concatenate([np.ones_like(odds[:1]), odds])
    return (values / values.sum(0)).astype(np.float32)
