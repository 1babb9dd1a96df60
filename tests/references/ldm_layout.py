"""The names that the latent diffusion code gives to weights that diffusers names otherwise, written from that code."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from mmseg_gen.generators.parts import Parts

_RESNET = {
    'norm1': 'in_layers.0', 'conv1': 'in_layers.2', 'norm2': 'out_layers.0', 'conv2': 'out_layers.3',
    'time_emb_proj': 'emb_layers.1', 'conv_shortcut': 'skip_connection',
}  # fmt: skip
_ENDS = {
    'time_embedding.linear_1': 'time_embed.0', 'time_embedding.linear_2': 'time_embed.2',
    'add_embedding.linear_1': 'label_emb.0.0', 'add_embedding.linear_2': 'label_emb.0.2',
    'conv_in': 'input_blocks.0.0', 'conv_norm_out': 'out.0', 'conv_out': 'out.2',
}  # fmt: skip
_VAE = {'conv_norm_out': 'norm_out', 'conv_shortcut': 'nin_shortcut'}
_VAE_ATTENTION = {'group_norm': 'norm', 'to_q': 'q', 'to_k': 'k', 'to_v': 'v', 'to_out.0': 'proj_out'}
_OPEN_CLIP = {
    'layer_norm1': 'ln_1', 'layer_norm2': 'ln_2', 'mlp.fc1': 'mlp.c_fc', 'mlp.fc2': 'mlp.c_proj',
    'self_attn.out_proj': 'attn.out_proj',
}  # fmt: skip


def ldm_weights(parts: Parts) -> dict[str, Tensor]:
    """Return the weights of a whole model as one file holds them: SD 1.x, or SDXL where there are two encoders."""
    found = {f'model.diffusion_model.{unet_name(k, parts.unet)}': v for k, v in parts.unet.state_dict().items()}
    for key, value in parts.vae.state_dict().items():
        # The old attention layers are convolutions of one pixel.
        value = value[:, :, None, None] if 'attentions' in key and value.ndim == 2 else value
        found[f'first_stage_model.{vae_name(key, parts.vae)}'] = value
    first = 'cond_stage_model.transformer.' if parts.text_encoder_2 is None else 'conditioner.embedders.0.transformer.'
    for key, value in parts.text_encoder.state_dict().items():
        found[f'{first}text_model.{key.removeprefix("text_model.")}'] = value
    if parts.text_encoder_2 is not None:
        found |= open_clip(parts.text_encoder_2.state_dict(), 'conditioner.embedders.1.model.')
    return {key: value.clone().contiguous() for key, value in found.items()}


def unet_name(key: str, unet) -> str:
    per_block = unet.config.layers_per_block + 1
    for ours, theirs in _ENDS.items():
        if key.startswith(f'{ours}.'):
            return key.replace(ours, theirs, 1)
    kind, number, layers, layer, rest = re.match(
        r'(down|up|mid)_blocks?\.?(\d*)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.*)', key
    ).groups()
    if layers == 'resnets':
        for ours, theirs in _RESNET.items():
            rest = re.sub(rf'^{ours}\.', f'{theirs}.', rest)
    place = 0 if layers == 'resnets' else 1
    if kind == 'mid':
        return f'middle_block.{1 if layers == "attentions" else 2 * int(layer)}.{rest}'
    if layers == 'downsamplers':
        return f'input_blocks.{(int(number) + 1) * per_block}.0.op.{rest.removeprefix("conv.")}'
    if layers == 'upsamplers':
        after = 2 if hasattr(unet.up_blocks[int(number)], 'attentions') else 1
        return f'output_blocks.{(int(number) + 1) * per_block - 1}.{after}.{rest}'
    if kind == 'down':
        return f'input_blocks.{1 + int(number) * per_block + int(layer)}.{place}.{rest}'
    return f'output_blocks.{int(number) * per_block + int(layer)}.{place}.{rest}'


def vae_name(key: str, vae) -> str:
    last = len(vae.config.block_out_channels) - 1
    for ours, theirs in _VAE.items():
        key = key.replace(ours, theirs)
    key = re.sub(r'mid_block\.resnets\.(\d)', lambda m: f'mid.block_{int(m[1]) + 1}', key)
    key = key.replace('mid_block.attentions.0', 'mid.attn_1')
    if 'mid.attn_1' in key:
        for ours, theirs in _VAE_ATTENTION.items():
            key = key.replace(f'.{ours}.', f'.{theirs}.')
    key = re.sub(r'down_blocks\.(\d+)\.resnets', r'down.\1.block', key)
    key = re.sub(r'down_blocks\.(\d+)\.downsamplers\.0', r'down.\1.downsample', key)
    # The decoder counts its levels from the finest.
    key = re.sub(r'up_blocks\.(\d+)\.resnets', lambda m: f'up.{last - int(m[1])}.block', key)
    return re.sub(r'up_blocks\.(\d+)\.upsamplers\.0', lambda m: f'up.{last - int(m[1])}.upsample', key)


def open_clip(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return a CLIPTextModelWithProjection in OpenCLIP's layout: one matrix for q, k and v, projection transposed."""
    weights = {key.removeprefix('text_model.'): value for key, value in weights.items()}
    found = {
        'token_embedding.weight': weights['embeddings.token_embedding.weight'],
        'positional_embedding': weights['embeddings.position_embedding.weight'],
        'ln_final.weight': weights['final_layer_norm.weight'],
        'ln_final.bias': weights['final_layer_norm.bias'],
        'text_projection': weights['text_projection.weight'].T,
        'logit_scale': torch.ones(()),
    }
    for key, value in weights.items():
        if not (match := re.match(r'encoder\.layers\.(\d+)\.(.*)', key)):
            continue
        block, rest = f'transformer.resblocks.{match[1]}.', match[2]
        if 'q_proj' in rest:
            stacked = torch.cat([weights[key.replace('q_proj', name)] for name in ('q_proj', 'k_proj', 'v_proj')])
            found[block + ('attn.in_proj_' + rest.rpartition('.')[2])] = stacked
        elif 'k_proj' not in rest and 'v_proj' not in rest:
            for ours, theirs in _OPEN_CLIP.items():
                rest = rest.replace(ours, theirs)
            found[block + rest] = value
    return {prefix + key: value for key, value in found.items()}
