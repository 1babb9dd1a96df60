"""Checkpoints of one file in the layout of the latent diffusion code (LDM), as checkpoint sites hand them out.

Such a file holds weights only. What the networks look like comes from a folder in diffusers' layout, of which
no weights are read; diffusers' own reader would fetch that from the network.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.loaders.single_file_utils import (
    convert_ldm_clip_checkpoint,
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
)
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from mmseg_gen.errors import UserError

from .structure import check_weights

Weights = dict[str, Tensor]

# How each part's names begin: SD 1.x, SD 2.x and SDXL.
_CLIP = {'text_encoder': ('cond_stage_model.transformer.', 'conditioner.embedders.0.transformer.')}
_OPEN_CLIP = {'text_encoder': ('cond_stage_model.model.',), 'text_encoder_2': ('conditioner.embedders.1.model.',)}
_PREFIXES = {'unet': ('model.diffusion_model.',), 'vae': ('first_stage_model.',)}


def read_file(path: str) -> Weights:
    """Return the tensors of a safetensors file.

    Raises:
        UserError: The file is damaged, or not in the LDM layout.
    """
    try:
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f'Expected a readable safetensors file, but got {path} ({error}).') from error
    if not _has(weights, _PREFIXES['unet']):
        raise UserError(
            f'Expected {path} to hold a whole text-to-image model in the LDM layout (names that begin with '
            f'{_PREFIXES["unet"][0]}), but got {next(iter(weights), "nothing")}, ...; give the file of the whole '
            'model, or a folder in the layout of diffusers.'
        )
    return weights


def build_part(kind: type, settings: Any, weights: Weights, part: str, name: str) -> nn.Module:
    """Return one network of a single file.

    Args:
        kind: Its class in diffusers or transformers.
        settings: Its config: a dict (diffusers) or a config object (transformers).
        weights: All tensors of the file.
        part: 'unet', 'vae', 'text_encoder' or 'text_encoder_2'.
        name: The file, for messages.

    Raises:
        UserError: The file does not hold that part, or another one than the config describes.
    """
    cure = 'give as `config` a folder of the model family that the file belongs to'
    if part in _PREFIXES:
        # Without storage: the tensors of the file take its place, and nothing is drawn at random.
        with torch.device('meta'):
            network = kind.from_config(settings)
    else:
        network = kind(settings)
    try:
        found = _converted(network, settings, weights, part)
    except (KeyError, IndexError) as error:
        raise UserError(
            f'Expected all weights of {part} in {name} to fit its config, but got no {error}; {cure}.'
        ) from error
    if not found:
        raise UserError(f'Expected {part} in {name}, but got none of its names; {cure}.')
    own = network.state_dict()
    reshaped = [(k, v.shape, own[k].shape) for k, v in found.items() if k in own and v.shape != own[k].shape]
    check_weights(f'{part} in {name}', own.keys() - found.keys(), found.keys() - own.keys(), reshaped, cure)
    network.load_state_dict({key: found[key] for key in own}, assign=part in _PREFIXES)
    return network


def _converted(network: nn.Module, settings: Any, weights: Weights, part: str) -> Weights:
    """Return a part's tensors under the names of diffusers or transformers; empty if the file has none."""
    if part in _PREFIXES:
        convert = convert_ldm_unet_checkpoint if part == 'unet' else convert_ldm_vae_checkpoint
        return convert(weights, dict(settings)) if _has(weights, _PREFIXES[part]) else {}
    if _has(weights, _CLIP.get(part, ())):
        found = convert_ldm_clip_checkpoint(weights)
    else:
        prefix = next((p for p in _OPEN_CLIP[part] if _has(weights, (p,))), None)
        if prefix is None:
            return {}
        found = convert_open_clip_checkpoint(network, weights, prefix=prefix)
    found = {key: value for key, value in found.items() if 'position_ids' not in key}
    if hasattr(network, 'text_model'):
        return found
    # transformers 5 writes CLIPTextModel without this prefix, and has no projection in it.
    return {k.removeprefix('text_model.'): v for k, v in found.items() if not k.startswith('text_projection')}


def _has(weights: Weights, prefixes: tuple[str, ...]) -> bool:
    return any(key.startswith(prefixes) for key in weights) if prefixes else False
