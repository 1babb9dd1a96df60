"""A random language model small enough for unit tests."""

from __future__ import annotations

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast


def tiny_gpt2(chat=None):
    """Return a tiny random GPT-2 and a byte-level tokenizer trained on a few words."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330, special_tokens=['<end>'], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    raw.train_from_iterator(['a photo of a cat on the sofa and a dog in the garden'] * 3, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token='<end>')
    tokenizer.chat_template = chat
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = GPT2Config(
            vocab_size=len(tokenizer), n_positions=128, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
        )
        return GPT2LMHeadModel(config), tokenizer


def save_gpt2(folder):
    """Write the model and its tokenizer and return the folder."""
    for part in tiny_gpt2():
        part.save_pretrained(folder)
    return folder
