"""Dense image features to find correspondences with: CLIP's values, a UNet's maps, DINO's patches.

Images are RGB in [-1, 1], ``(N, 3, H, W)``; features are ``(N, C, h, w)`` float32 on the model's own grid.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import AutoModel

from mmseg_gen.errors import UserError
from mmseg_gen.functional.noise import add_noise

from .clip_prior import DEVIATION, MEAN
from .denoising import unet_output
from .features import Blocks, FeatureRecorder
from .latents import draw_noise, encode_images
from .network import without_network
from .one_step import check_timestep
from .parts import ClipParts, Parts
from .quiet import quiet_loading
from .text import encode_prompts

# Channel means and deviations of ImageNet, on which DINO was trained.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@torch.no_grad()
def clip_values(clip: ClipParts, images: Tensor, scale: float = 1.0) -> Tensor:
    """Return CLIP's dense image embeddings: the values of the last attention, projected (MaskCLIP, ECCV 2022).

    Args:
        clip: The model.
        images: See the module.
        scale: Enlarges the images first: 2 gives a grid twice as fine.
    """
    tower, patch = clip.model.vision_model, clip.model.config.vision_config.patch_size
    pixels = _pixels(images.to(clip.model.device), patch, scale, (MEAN, DEVIATION))
    states = tower(pixel_values=pixels, output_hidden_states=True, interpolate_pos_encoding=True).hidden_states
    layer = tower.encoder.layers[-1]
    values = layer.self_attn.out_proj(layer.self_attn.v_proj(layer.layer_norm1(states[-2][:, 1:])))
    embedded = clip.model.visual_projection(tower.post_layernorm(values))
    return _to_maps(embedded, pixels, patch)


@torch.no_grad()
def unet_maps(
    parts: Parts, images: Tensor, *, timestep: int = 100, seed: int = 0, blocks: Blocks = 'all'
) -> list[Tensor]:
    """Return the UNet's transformer-block outputs at one noise level, no class named, one map per block.

    Every image gets the same noise, so that equal images have equal features.

    Args:
        parts: The model.
        images: See the module.
        timestep: Noise level.
        seed: Of the noise.
        blocks: See :func:`~mmseg_gen.generators.features.block_names`.
    """
    check_timestep(parts, timestep)
    latents = encode_images(parts, images)
    noise = draw_noise(parts, [seed], latents.shape[-2:])
    noised = add_noise(latents, noise, parts.alphas_cumprod[timestep].float())
    recorder = FeatureRecorder(parts.unet, blocks)
    with recorder:
        unet_output(parts, noised, timestep, encode_prompts(parts, [''] * len(images)))
    return recorder.features()


def load_patch_model(name: str, device: str | torch.device = 'cpu') -> Any:
    """Return a vision transformer such as DINO or DINOv2, frozen and in eval mode; nothing is fetched.

    Args:
        name: A folder, or a hub id whose files are in the cache of this machine.
        device: Where to put it.

    Raises:
        UserError: It is not on this machine, is stored as pickles only, or has no patches.
    """
    try:
        with quiet_loading(), without_network(True):
            model = AutoModel.from_pretrained(name, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError) as error:
        raise UserError(
            f'Expected {name} to be a folder or a cached hub id of a vision transformer in safetensors, but it could '
            f'not be read; download it first, for instance with `hf download facebook/dinov2-small` ({error}).'
        ) from error
    if not hasattr(model.config, 'patch_size'):
        raise UserError(f'Expected a model of image patches, but {name} is a {type(model).__name__}.')
    return model.to(device).eval().requires_grad_(False)


@torch.no_grad()
def patch_features(model: Any, images: Tensor, scale: float = 1.0) -> Tensor:
    """Return the last hidden state of the image patches.

    Args:
        model: From :func:`load_patch_model`.
        images: See the module.
        scale: Enlarges the images first.
    """
    patch = model.config.patch_size
    pixels = _pixels(images.to(model.device), patch, scale, IMAGENET)
    states = model(pixel_values=pixels, interpolate_pos_encoding=True).last_hidden_state
    count = (pixels.shape[2] // patch) * (pixels.shape[3] // patch)
    # Class and register tokens come first.
    return _to_maps(states[:, -count:], pixels, patch)


def _pixels(images: Tensor, patch: int, scale: float, statistics: tuple) -> Tensor:
    """Return images of whole patches, normalised."""
    height, width = (max(patch, round(side * scale / patch) * patch) for side in images.shape[-2:])
    resized = images.float()
    if (height, width) != tuple(images.shape[-2:]):
        resized = F.interpolate(resized, (height, width), mode='bicubic', align_corners=False, antialias=True)
    mean, deviation = (torch.tensor(v, device=images.device).view(3, 1, 1) for v in statistics)
    return ((resized.clamp(-1, 1) + 1) / 2 - mean) / deviation


def _to_maps(tokens: Tensor, pixels: Tensor, patch: int) -> Tensor:
    grid = (pixels.shape[2] // patch, pixels.shape[3] // patch)
    return tokens.float().transpose(1, 2).unflatten(2, grid)
