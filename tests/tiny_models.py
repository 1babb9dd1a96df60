"""Random text-to-image models small enough for unit tests: Stable Diffusion, SDXL, SSD-1B, LCM, CLIP."""

from __future__ import annotations

import dataclasses
import tempfile
from functools import lru_cache
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DiffusionPipeline,
    LatentConsistencyModelPipeline,
    LCMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)

from mmseg_gen.generators.embedded.architecture import build_tokenizer
from mmseg_gen.generators.parts import ClipParts, Parts

WIDTH = 32
# Of SDXL's second encoder: hidden states and pooled text.
WIDTH_2, POOLED = 48, 24
TOKEN_LIMIT = 16
WORDS = ('a', 'an', 'photo', 'of', 'and', 'cat', 'dog', 'bird', 'red', 'potted', 'plant', 'background')


@lru_cache(None)
def tiny_tokenizer() -> CLIPTokenizer:
    with tempfile.TemporaryDirectory() as folder:
        return build_tokenizer(Path(folder), WORDS, TOKEN_LIMIT)


@lru_cache(None)
def tiny_tokenizer_2() -> CLIPTokenizer:
    """Return the same words padded with "!", as SDXL's second tokenizer does."""
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = build_tokenizer(Path(folder), WORDS, TOKEN_LIMIT)
    tokenizer.pad_token = '!'
    return tokenizer


def tiny_unet(like_sd2: bool = False, **changes) -> UNet2DConditionModel:
    """Attention at two levels; like SD 2.x: linear projections and more heads at the coarse level."""
    settings = dict(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(16, 32),
        norm_num_groups=8, cross_attention_dim=WIDTH, attention_head_dim=(2, 4) if like_sd2 else 2,
        use_linear_projection=like_sd2,
        down_block_types=('CrossAttnDownBlock2D',) * 2, up_block_types=('CrossAttnUpBlock2D',) * 2,
    )  # fmt: skip
    return UNet2DConditionModel(**settings | changes).eval().requires_grad_(False)


def tiny_sdxl_unet(**changes) -> UNet2DConditionModel:
    """No attention at the first level, several transformer layers per block, text and sizes added to the time."""
    settings = dict(
        block_out_channels=(16, 32, 32), attention_head_dim=(2, 4, 8), use_linear_projection=True,
        cross_attention_dim=WIDTH + WIDTH_2, transformer_layers_per_block=(1, 2, 3),
        down_block_types=('DownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'),
        up_block_types=('CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'UpBlock2D'),
        addition_embed_type='text_time', addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + POOLED,
    )  # fmt: skip
    return tiny_unet(**settings | changes)


def tiny_ssd_unet() -> UNet2DConditionModel:
    """SDXL without attention in the middle and with fewer layers, other ones on the way down and up."""
    return tiny_sdxl_unet(
        layers_per_block=2, mid_block_type='UNetMidBlock2D', transformer_layers_per_block=[0, [2, 2], [1, 1]],
        reverse_transformer_layers_per_block=[[1, 1, 2], [2, 1, 1], 1],
    )  # fmt: skip


def tiny_vae() -> AutoencoderKL:
    vae = AutoencoderKL(
        in_channels=3, out_channels=3, block_out_channels=(8, 16), latent_channels=4, norm_num_groups=4,
        sample_size=16, down_block_types=('DownEncoderBlock2D',) * 2,
        up_block_types=('UpDecoderBlock2D',) * 2,
    )  # fmt: skip
    return vae.eval().requires_grad_(False)


def _text_settings() -> dict:
    tokenizer = tiny_tokenizer()
    return dict(
        vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=TOKEN_LIMIT, projection_dim=WIDTH,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip


def tiny_scheduler(prediction_type: str = 'epsilon') -> DDIMScheduler:
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule='scaled_linear', clip_sample=False,
        set_alpha_to_one=False, steps_offset=1, prediction_type=prediction_type,
    )  # fmt: skip


def tiny_lcm_scheduler() -> LCMScheduler:
    return LCMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule='scaled_linear', clip_sample=False, steps_offset=1
    )  # fmt: skip


def tiny_clip() -> ClipParts:
    vision = dict(
        hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=16,
        patch_size=8, projection_dim=WIDTH,
    )  # fmt: skip
    config = CLIPConfig(text_config=_text_settings(), vision_config=vision, projection_dim=WIDTH)
    return ClipParts(CLIPModel(config).eval().requires_grad_(False), tiny_tokenizer())


def tiny_parts(prediction_type: str = 'epsilon', *, clip: bool = False, seed: int = 0) -> Parts:
    """Return random parts; 'v_prediction' has a UNet in the manner of SD 2.x."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Parts(
            vae=tiny_vae(),
            unet=tiny_unet(prediction_type == 'v_prediction'),
            text_encoder=CLIPTextModel(CLIPTextConfig(**_text_settings())).eval().requires_grad_(False),
            tokenizer=tiny_tokenizer(),
            scheduler=tiny_scheduler(prediction_type),
            clip=tiny_clip() if clip else None,
            name='tiny',
        )


FAMILIES = ('sd', 'sdxl', 'ssd_1b', 'lcm', 'lcm_sdxl')
_UNETS = {
    'sdxl': tiny_sdxl_unet,
    'ssd_1b': tiny_ssd_unet,
    'lcm': lambda: tiny_unet(time_cond_proj_dim=12),
    'lcm_sdxl': lambda: tiny_sdxl_unet(time_cond_proj_dim=12),
}


def tiny_family(family: str, prediction_type: str = 'epsilon', *, clip: bool = False, seed: int = 0) -> Parts:
    """Return random parts of the structure of a model family."""
    parts = tiny_parts(prediction_type, clip=clip, seed=seed)
    if family == 'sd':
        return parts
    changes = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1)
        changes['unet'] = _UNETS[family]()
        if family != 'lcm':
            settings = dict(hidden_size=WIDTH_2, projection_dim=POOLED, hidden_act='gelu')
            config = CLIPTextConfig(**_text_settings() | settings)
            changes['text_encoder_2'] = CLIPTextModelWithProjection(config).eval().requires_grad_(False)
            changes |= dict(tokenizer_2=tiny_tokenizer_2(), force_zeros_for_empty_prompt=True)
    if family.startswith('lcm'):
        changes['scheduler'] = tiny_lcm_scheduler()
    return dataclasses.replace(parts, name=f'tiny {family}', **changes)


def tiny_pipeline(parts: Parts) -> DiffusionPipeline:
    """Return diffusers' own pipeline of the parts, for comparison and for saving."""
    shared = dict(
        vae=parts.vae, unet=parts.unet, text_encoder=parts.text_encoder, tokenizer=parts.tokenizer,
        scheduler=parts.scheduler, feature_extractor=None,
    )  # fmt: skip
    if parts.text_encoder_2 is not None:
        pipeline = StableDiffusionXLPipeline(
            **shared, text_encoder_2=parts.text_encoder_2, tokenizer_2=parts.tokenizer_2, add_watermarker=False,
            force_zeros_for_empty_prompt=parts.force_zeros_for_empty_prompt,
        )  # fmt: skip
    else:
        kind = LatentConsistencyModelPipeline if parts.unet.config.time_cond_proj_dim else StableDiffusionPipeline
        pipeline = kind(**shared, safety_checker=None, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def save_tiny(folder: Path, parts: Parts | None = None) -> Path:
    """Write a pipeline folder, with a subfolder ``clip`` where the parts have one."""
    parts = parts or tiny_parts(clip=True)
    tiny_pipeline(parts).save_pretrained(folder)
    if parts.clip is not None:
        parts.clip.model.save_pretrained(folder / 'clip')
    return folder


def pooled(features) -> torch.Tensor:
    """Return the vectors that CLIP's ``get_text_features`` gives as they are in transformers 4, in an object in 5."""
    return features if isinstance(features, torch.Tensor) else features.pooler_output
