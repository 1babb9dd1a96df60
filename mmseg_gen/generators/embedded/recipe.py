"""Train the embedded models stage by stage and write them in the formats of Stable Diffusion and CLIP."""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import re
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer

from ..parts import load_parts
from .architecture import (
    CAPTION_WORDS,
    TOKEN_LIMIT,
    build_clip,
    build_scheduler,
    build_tokenizer,
    build_unet,
    build_vae,
)
from .corpus import Corpus, photo_corpus, scene_corpus
from .quality import contact_sheet
from .stages import clip_loss, encode_latents, unet_loss, vae_loss
from .training import LoopSettings, TrainingLoop

logger = logging.getLogger(__name__)


def _load_corpus(args: argparse.Namespace) -> Corpus:
    if args.data is not None:
        return photo_corpus(args.data)
    cache = args.work_dir / f'scenes_{args.scenes}.npz'
    if cache.is_file():
        stored = np.load(cache)
        return Corpus(stored['images'], stored['captions'].tolist())
    corpus = scene_corpus(args.scenes, workers=os.cpu_count() or 1)
    partial = cache.with_suffix('.partial.npz')
    np.savez(partial, images=corpus.images, captions=np.array(corpus.captions))
    os.replace(partial, cache)
    return corpus


def _train(name: str, module: torch.nn.Module, loss, args: argparse.Namespace, settings: LoopSettings) -> None:
    loop = TrainingLoop(module, loss, args.work_dir / name, settings)
    if loop.resume():
        logger.info('%s resumes at step %d', name, loop.step)
    loop.run()
    loop.use_average()
    module.eval().requires_grad_(False)


def _tokenizer(folder: Path, corpus: Corpus) -> CLIPTokenizer:
    # The trainer breaks ties at random, so a resumed run must read the tokenizer that the first one wrote.
    if not (folder / 'tokenizer_config.json').is_file():
        build_tokenizer(folder, _words(corpus), TOKEN_LIMIT).save_pretrained(folder)
    return CLIPTokenizer.from_pretrained(folder)


def _words(corpus: Corpus) -> list[str]:
    seen = {word for captions in corpus.captions for text in captions for word in re.findall('[a-z]+', text.lower())}
    return [*CAPTION_WORDS, *sorted(seen - set(CAPTION_WORDS))]


def train_embedded(args: argparse.Namespace) -> Path:
    """Run the chosen stages and return the folder of the finished pipeline, ``work_dir/pipeline``.

    Args:
        args: Options of ``tools/train_embedded.py``.
    """
    device = torch.device(args.device or ('cuda' if torch.cuda.is_available() else 'cpu'))
    args.work_dir.mkdir(parents=True, exist_ok=True)
    corpus = _load_corpus(args)
    folder = args.work_dir / 'pipeline'
    torch.manual_seed(0)
    tokenizer = _tokenizer(folder / 'tokenizer', corpus)
    vae, clip, unet = (m.to(device) for m in (build_vae(), build_clip(tokenizer), build_unet()))
    if 'vae' in args.stages:
        _train(
            'vae', vae, vae_loss(vae, corpus, 32), args, LoopSettings(args.vae_steps, 2e-3, warmup=100, ema_decay=0.99)
        )
        latents = encode_latents(vae, corpus.images[:2000])
        vae.register_to_config(scaling_factor=float(1 / latents.float().std()))
        vae.save_pretrained(folder / 'vae')
    if 'clip' in args.stages:
        _train_clip('clip', clip, args, corpus, tokenizer, args.clip_steps)
        clip.save_pretrained(folder / 'clip')
        CLIPTextModel.from_pretrained(folder / 'clip').save_pretrained(folder / 'text_encoder')
    if 'clip_vision' in args.stages:
        clip = CLIPModel.from_pretrained(folder / 'clip').to(device)
        # The UNet hangs on the text tower, so only the rest may go on learning.
        clip.text_model.requires_grad_(False)
        _train_clip('clip_vision', clip, args, corpus, tokenizer, args.clip_vision_steps)
        clip.save_pretrained(folder / 'clip')
    if 'unet' in args.stages:
        _train_unet(args, corpus, folder, tokenizer, unet, device)
        _write_samples(folder, corpus, args.work_dir / 'samples.png')
    return folder


def _write_samples(folder: Path, corpus: Corpus, path: Path) -> None:
    """Draw samples of the corpus's ten most frequent captions, one a row."""
    counts = Counter(caption for captions in corpus.captions for caption in captions)
    prompts = [caption for caption, _ in counts.most_common(10)]
    sheet = contact_sheet(load_parts(folder), prompts, per_prompt=4, steps=10)
    cv2.imwrite(str(path), np.ascontiguousarray(sheet[..., ::-1]))
    logger.info('Samples of %s lie in %s', '; '.join(prompts), path)


def _train_clip(name: str, clip: CLIPModel, args, corpus: Corpus, tokenizer: CLIPTokenizer, steps: int) -> None:
    if clip.device.type == 'cpu':
        # The CPU's fused attention is slow backward.
        clip.set_attn_implementation('eager')
    settings = LoopSettings(steps, 1e-3, weight_decay=0.1, ema_decay=0.99)
    _train(name, clip, clip_loss(clip, tokenizer, corpus, 128), args, settings)


def _train_unet(args, corpus: Corpus, folder: Path, tokenizer, unet, device: torch.device) -> None:
    vae = AutoencoderKL.from_pretrained(folder / 'vae').to(device)
    text_encoder = CLIPTextModel.from_pretrained(folder / 'text_encoder').to(device)
    latents = encode_latents(vae, corpus.images) * vae.config.scaling_factor
    scheduler = build_scheduler()
    if args.init is not None:
        weights = UNet2DConditionModel.from_pretrained(args.init / 'unet').state_dict()
        if 'clip' in args.stages:
            # Cross-attention (diffusers' attn2) belongs to the old text encoder, so it starts anew.
            weights = {name: value for name, value in weights.items() if '.attn2.' not in name}
        unet.load_state_dict(weights, strict=False)
    unet.to(memory_format=torch.channels_last)
    if device.type == 'cpu':
        # The CPU's fused attention is slow backward: explicit products train 1.4x faster.
        unet.set_attn_processor(AttnProcessor())
    forward = torch.compile(unet) if args.compile else None
    loss = unet_loss(unet, text_encoder, tokenizer, scheduler, latents, corpus.captions, args.batch, forward=forward)
    limit = args.unet_minutes * 60 if args.unet_minutes else None
    _train('unet', unet, loss, args, LoopSettings(args.unet_steps, 1e-3, max_seconds=limit))
    unet.set_default_attn_processor()
    StableDiffusionPipeline(
        vae=vae, text_encoder=text_encoder, tokenizer=tokenizer, unet=unet, scheduler=scheduler, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip


def export_pipeline(pipeline: Path, target: Path) -> None:
    """Write a trained pipeline to ``target/pipeline`` in float16 safetensors, and ``target/SHA256SUMS``."""
    destination = target / 'pipeline'
    StableDiffusionPipeline.from_pretrained(
        pipeline, torch_dtype=torch.float16, safety_checker=None, requires_safety_checker=False, use_safetensors=True
    ).save_pretrained(destination)
    _write_bpe_files(destination / 'tokenizer')
    CLIPModel.from_pretrained(pipeline / 'clip').half().save_pretrained(destination / 'clip')
    files = sorted(path for path in destination.rglob('*') if path.is_file())
    lines = [f'{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(target).as_posix()}' for p in files]
    (target / 'SHA256SUMS').write_text('\n'.join(lines) + '\n', encoding='utf-8')


def _write_bpe_files(folder: Path) -> None:
    """Write ``vocab.json`` and ``merges.txt``, which transformers 4 reads in place of ``tokenizer.json``."""
    whole = folder / 'tokenizer.json'
    if not whole.is_file():
        return  # written by transformers 4
    model = json.loads(whole.read_text(encoding='utf-8'))['model']
    (folder / 'vocab.json').write_text(json.dumps(model['vocab']), encoding='utf-8')
    merges = [' '.join(pair) for pair in model['merges']]
    (folder / 'merges.txt').write_text('\n'.join(['#version: 0.2', *merges]) + '\n', encoding='utf-8')
