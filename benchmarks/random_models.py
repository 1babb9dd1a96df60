"""Text-to-image models of the public ones' sizes with random weights: neither time nor memory depends on the weights.

The sizes are those of the published configs: CompVis/stable-diffusion-v1-4, stabilityai/stable-diffusion-2-1 and
stabilityai/stable-diffusion-xl-base-1.0.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from mmseg_gen.generators.embedded.architecture import build_tokenizer
from mmseg_gen.generators.parts import ClipParts, Parts

_CROSS, _PLAIN = 'CrossAttnDownBlock2D', 'DownBlock2D'
# diffusers' `attention_head_dim` is the number of heads in these configs.
_FOUR: dict[str, Any] = dict(
    block_out_channels=(320, 640, 1280, 1280),
    down_block_types=(_CROSS, _CROSS, _CROSS, _PLAIN),
    up_block_types=('UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'),
)
UNETS: dict[str, dict[str, Any]] = {
    'sd15': dict(**_FOUR, sample_size=64, attention_head_dim=8, cross_attention_dim=768),
    'sd21': dict(
        **_FOUR, sample_size=96, attention_head_dim=(5, 10, 20, 20), cross_attention_dim=1024,
        use_linear_projection=True,
    ),
    'sdxl': dict(
        block_out_channels=(320, 640, 1280), attention_head_dim=(5, 10, 20), transformer_layers_per_block=(1, 2, 10),
        down_block_types=(_PLAIN, _CROSS, _CROSS), up_block_types=('CrossAttnUpBlock2D',) * 2 + ('UpBlock2D',),
        sample_size=128, cross_attention_dim=2048, use_linear_projection=True, addition_embed_type='text_time',
        addition_time_embed_dim=256, projection_class_embeddings_input_dim=6 * 256 + 1280,
    ),
}  # fmt: skip
# Width, layers and heads of the text encoders.
TEXTS = {'sd15': [(768, 12, 12)], 'sd21': [(1024, 23, 16)], 'sdxl': [(768, 12, 12), (1280, 32, 20)]}
NAMES = tuple(UNETS)
# What the network's output is, where it is not the noise.
PREDICTIONS = {'sd21': 'v_prediction'}
WORDS = ('a', 'photo', 'of', 'dog', 'cat', 'background')
# Channels of the tiny forms by those of the full ones.
_TINY = {320: 16, 640: 32, 1280: 32}


def build_parts(name: str, device: str, dtype: torch.dtype, tiny: bool = False) -> Parts:
    """Return one of the models, frozen, with random weights made on the device.

    Args:
        name: One of ``NAMES``.
        device: Where to put it.
        dtype: Precision of all networks.
        tiny: The same structure, a few channels wide, for a smoke test.
    """
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = build_tokenizer(Path(folder), WORDS, 16 if tiny else 77)
    kind, texts = dict(UNETS[name]), TEXTS[name]
    if tiny:
        kind, texts = _tiny_unet(kind), [(16, 1, 2)] * len(texts)
    torch.manual_seed(0)
    with torch.device(device):
        unet = UNet2DConditionModel(in_channels=4, out_channels=4, **kind)
        vae = _vae(tiny)
        encoders = [_text(kind, len(tokenizer), tokenizer.model_max_length, *size) for kind, size in
                    zip((CLIPTextModel, CLIPTextModelWithProjection), texts, strict=False)]  # fmt: skip
        clip = CLIPModel(_clip_config(len(tokenizer), tokenizer.model_max_length, tiny))
    networks = [n.to(device, dtype).eval().requires_grad_(False) for n in (vae, unet, *encoders)]
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule='scaled_linear', clip_sample=False, set_alpha_to_one=False,
        steps_offset=1, prediction_type=PREDICTIONS.get(name, 'epsilon'),
    )  # fmt: skip
    seer = ClipParts(clip.to(device).eval().requires_grad_(False), tokenizer)
    second = dict(text_encoder_2=networks[3], tokenizer_2=tokenizer) if len(encoders) > 1 else {}
    return Parts(*networks[:3], tokenizer, scheduler, seer, f'random {name}', **second)


def _tiny_unet(kind: dict[str, Any]) -> dict[str, Any]:
    channels = tuple(_TINY[c] for c in kind['block_out_channels'])
    small = dict(
        block_out_channels=channels, attention_head_dim=2, sample_size=16, norm_num_groups=8, layers_per_block=1
    )
    if 'addition_embed_type' in kind:
        small |= dict(addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + 16)
        small |= dict(transformer_layers_per_block=(1, 1, 2))
    return {**kind, **small, 'cross_attention_dim': 32 if 'addition_embed_type' in kind else 16}


def _vae(tiny: bool) -> AutoencoderKL:
    channels = (8, 8, 8, 8) if tiny else (128, 256, 512, 512)
    blocks = dict(down_block_types=('DownEncoderBlock2D',) * 4, up_block_types=('UpDecoderBlock2D',) * 4)
    groups = 4 if tiny else 32
    return AutoencoderKL(block_out_channels=channels, layers_per_block=2, norm_num_groups=groups, **blocks)


def _text(kind: type, vocabulary: int, limit: int, width: int, layers: int, heads: int) -> torch.nn.Module:
    sizes = dict(hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers, num_attention_heads=heads)
    return kind(CLIPTextConfig(
        vocab_size=vocabulary, max_position_embeddings=limit, projection_dim=width, bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1, pad_token_id=vocabulary - 1, **sizes,
    ))  # fmt: skip


def _clip_config(vocabulary: int, limit: int, tiny: bool) -> CLIPConfig:
    """Return the sizes of openai/clip-vit-base-patch16."""
    width, layers, heads = (16, 1, 2) if tiny else (768, 12, 12)
    text = dict(
        vocab_size=vocabulary, max_position_embeddings=limit, bos_token_id=vocabulary - 2, eos_token_id=vocabulary - 1,
        pad_token_id=vocabulary - 1, hidden_size=16 if tiny else 512, num_hidden_layers=layers,
        num_attention_heads=2 if tiny else 8, intermediate_size=64 if tiny else 2048,
    )  # fmt: skip
    vision = dict(
        hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers, num_attention_heads=heads,
        image_size=224, patch_size=16,
    )  # fmt: skip
    return CLIPConfig(text_config=text, vision_config=vision, projection_dim=16 if tiny else 512)
