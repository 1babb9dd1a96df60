"""Sizes of the embedded models, in the formats of Stable Diffusion and CLIP. The only place that knows them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from tokenizers import Tokenizer, models, trainers
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from .backgrounds import BACKGROUNDS, COLORS
from .scenes import CLASSES

TOKEN_LIMIT = 24
WIDTH = 96
CAPTION_WORDS = ('a', 'an', 'photo', 'of', 'and', 'on', 'background', *BACKGROUNDS, *COLORS, *CLASSES)


def _byte_alphabet() -> list[str]:
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in printable]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(len(rest))]


def _train_bpe(words: Iterable[str], alphabet: list[str]) -> tuple[list[str], list[str]]:
    """Return vocabulary and merge lines of a byte-pair encoding in which each word is one token."""
    bpe = models.BPE(end_of_word_suffix='</w>')
    trainer = trainers.BpeTrainer(
        vocab_size=1_000_000, min_frequency=1, end_of_word_suffix='</w>', initial_alphabet=alphabet, show_progress=False
    )
    tokenizer = Tokenizer(bpe)
    tokenizer.train_from_iterator(list(dict.fromkeys(words)), trainer)
    learned = json.loads(tokenizer.to_str())['model']
    # The trainer knows only the final letters it has seen; every other one must be readable too.
    vocabulary = [*alphabet, *(c + '</w>' for c in alphabet)]
    known = set(vocabulary)
    vocabulary += [piece for piece in learned['vocab'] if piece not in known]
    return vocabulary, [' '.join(pair) for pair in learned['merges']]


def build_tokenizer(folder: Path, words: Iterable[str] = CAPTION_WORDS, limit: int = TOKEN_LIMIT) -> CLIPTokenizer:
    """Write ``vocab.json`` and ``merges.txt`` to ``folder`` and return CLIP's byte-level BPE over them.

    Every word of ``words`` is one token; any other word falls back to smaller pieces, so no prompt is refused.

    Args:
        folder: Where the two files go; made where missing.
        words: Lower-case words of ASCII letters and digits.
        limit: Longest prompt in tokens, start and end included.
    """
    vocabulary, merges = _train_bpe(words, _byte_alphabet())
    vocabulary += ['<|startoftext|>', '<|endoftext|>']
    folder.mkdir(parents=True, exist_ok=True)
    vocab_file, merges_file = folder / 'vocab.json', folder / 'merges.txt'
    vocab_file.write_text(json.dumps({token: i for i, token in enumerate(vocabulary)}), encoding='utf-8')
    merges_file.write_text('\n'.join(['#version: 0.2', *merges]) + '\n', encoding='utf-8')
    return CLIPTokenizer(str(vocab_file), str(merges_file), model_max_length=limit)


def build_clip(tokenizer: CLIPTokenizer, image_size: int = 64) -> CLIPModel:
    """Return an untrained CLIP whose text encoder conditions the UNet."""
    text = dict(
        vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=tokenizer.model_max_length, projection_dim=WIDTH,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    vision = dict(
        hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=4, num_attention_heads=4,
        image_size=image_size, patch_size=8, projection_dim=WIDTH,
    )  # fmt: skip
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=WIDTH))


def build_vae(image_size: int = 64) -> AutoencoderKL:
    """Return an untrained autoencoder that shrinks each side by 4."""
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(24, 48, 64), layers_per_block=1,
        norm_num_groups=8, mid_block_add_attention=False, sample_size=image_size,
        down_block_types=('DownEncoderBlock2D',) * 3, up_block_types=('UpDecoderBlock2D',) * 3,
    )  # fmt: skip


def build_unet(latent_size: int = 16) -> UNet2DConditionModel:
    """Return an untrained UNet with attention at three levels."""
    return UNet2DConditionModel(
        sample_size=latent_size, in_channels=4, out_channels=4, block_out_channels=(64, 112, 192), layers_per_block=1,
        down_block_types=('CrossAttnDownBlock2D',) * 3, up_block_types=('CrossAttnUpBlock2D',) * 3,
        cross_attention_dim=WIDTH, attention_head_dim=4, norm_num_groups=16,
    )  # fmt: skip


def build_scheduler() -> DDIMScheduler:
    """Return Stable Diffusion's schedule with v-prediction, as in SD 2.1."""
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule='scaled_linear', prediction_type='v_prediction',
        clip_sample=False, set_alpha_to_one=False, steps_offset=1,
    )  # fmt: skip
