"""Random zero-shot detectors of the true structure, small enough for unit tests."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import (
    BertConfig,
    BertTokenizer,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    Owlv2Config,
    Owlv2ForObjectDetection,
    SwinConfig,
)

WORDS = ('[PAD]', '[UNK]', '[CLS]', '[SEP]', '.', 'sofa', 'coffee', 'table', 'lamp')


def bert_tokenizer(folder: Path) -> BertTokenizer:
    (folder / 'vocab.txt').write_text('\n'.join(WORDS) + '\n', encoding='utf-8')
    return BertTokenizer.from_pretrained(folder)


def tiny_grounding_dino() -> GroundingDinoForObjectDetection:
    swin = SwinConfig(
        embed_dim=8, depths=[1] * 4, num_heads=[1] * 4, window_size=4, image_size=32,
        out_features=['stage2', 'stage3', 'stage4'],
    )  # fmt: skip
    bert = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=32, pad_token_id=0,
    )  # fmt: skip
    config = GroundingDinoConfig(
        backbone_config=swin, text_config=bert, num_queries=6, d_model=32, encoder_layers=1, decoder_layers=2,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, max_text_len=16,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return GroundingDinoForObjectDetection(config).eval()


def tiny_owlv2(vocabulary: int) -> Owlv2ForObjectDetection:
    text = dict(
        vocab_size=vocabulary, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=16,
    )  # fmt: skip
    vision = dict(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=96, patch_size=32
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Owlv2ForObjectDetection(Owlv2Config(text_config=text, vision_config=vision, projection_dim=16)).eval()
