"""Random text-to-image models small enough for unit tests, in the formats of Stable Diffusion and CLIP."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from mmseg_gen.generators.embedded.architecture import build_tokenizer
from mmseg_gen.generators.parts import ClipParts, Parts

WIDTH = 32
TOKEN_LIMIT = 16
WORDS = ('a', 'an', 'photo', 'of', 'and', 'cat', 'dog', 'bird', 'red', 'potted', 'plant', 'background')


@lru_cache(None)
def tiny_tokenizer() -> CLIPTokenizer:
    with tempfile.TemporaryDirectory() as folder:
        return build_tokenizer(Path(folder), WORDS, TOKEN_LIMIT)


def tiny_unet(like_sd2: bool = False, **changes) -> UNet2DConditionModel:
    """Attention at two levels; like SD 2.x: linear projections and more heads at the coarse level."""
    settings = dict(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(16, 32),
        norm_num_groups=8, cross_attention_dim=WIDTH, attention_head_dim=(2, 4) if like_sd2 else 2,
        use_linear_projection=like_sd2,
        down_block_types=('CrossAttnDownBlock2D',) * 2, up_block_types=('CrossAttnUpBlock2D',) * 2,
    )  # fmt: skip
    return UNet2DConditionModel(**settings | changes).eval().requires_grad_(False)


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


def tiny_pipeline(parts: Parts) -> StableDiffusionPipeline:
    pipeline = StableDiffusionPipeline(
        vae=parts.vae, unet=parts.unet, text_encoder=parts.text_encoder, tokenizer=parts.tokenizer,
        scheduler=parts.scheduler, safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def save_tiny(folder: Path, parts: Parts | None = None) -> Path:
    """Write a pipeline folder, with a subfolder ``clip`` where the parts have one."""
    parts = parts or tiny_parts(clip=True)
    tiny_pipeline(parts).save_pretrained(folder)
    if parts.clip is not None:
        parts.clip.model.save_pretrained(folder / 'clip')
    return folder
