"""Measure the embedded models on held-out scenes: the numbers of the model card."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmseg_gen.functional.attention import layer_deviation, resize_maps, top_layers_mean
from mmseg_gen.functional.saliency import auc_roc

from ..capture import AttentionRecorder
from ..clip_prior import ClipPrior
from ..inversion import invert_latents
from ..latents import decode_latents, encode_images, image_tensor
from ..parts import Parts
from ..prompts import class_token_positions
from ..sampling import sample_latents
from ..text import encode_prompts
from .corpus import HELD_OUT_SEED
from .scenes import CLASSES, Scene, render_scene


def held_out_scenes(count: int, size: int = 64) -> list[Scene]:
    """Return scenes of one object each that no training run has seen, the classes in turn."""
    return [render_scene(HELD_OUT_SEED + i, size, [CLASSES[i % len(CLASSES)]]) for i in range(count)]


def scene_images(scenes: Sequence[Scene]) -> Tensor:
    """Return the scenes' images as ``(N, 3, S, S)`` float32 in [-1, 1]."""
    return image_tensor([s.image for s in scenes])


def class_prompt(name: str) -> str:
    """Return "a photo of a NAME"."""
    return f'a photo of a {name}'


def zero_shot_accuracy(parts: Parts, scenes: Sequence[Scene]) -> float:
    """Return the share of single-object scenes whose class CLIP names."""
    prior = ClipPrior(parts.clip, CLASSES, [class_prompt('{}')])
    names = prior.classify(scene_images(scenes).to(parts.device))
    return float(np.mean([n == s.objects[0].name for n, s in zip(names, scenes, strict=False)]))


@torch.no_grad()
def attention_auc(parts: Parts, scenes: Sequence[Scene], *, steps: int = 40, batch: int = 25) -> dict[str, list[float]]:
    """Return each scene's AUC-ROC of the class word's map along the inversion, on the scene's own grid.

    ``all`` is the mean over every layer; ``topK`` that over the K layers of largest deviation.
    """
    scores: dict[str, list[float]] = {k: [] for k in ('all', 'top1', 'top2', 'top3', 'top4')}
    for start in range(0, len(scenes), batch):
        chunk = scenes[start : start + batch]
        prompts = [class_prompt(s.objects[0].name) for s in chunk]
        latents = encode_images(parts, scene_images(chunk).to(parts.device))
        with AttentionRecorder(parts.unet, latents.shape[-2:], self_attention=False) as recorder:
            invert_latents(parts, latents, encode_prompts(parts, prompts), steps=steps, recorder=recorder)
        positions = [
            class_token_positions(parts.tokenizer, p, s.objects[0].name) for p, s in zip(prompts, chunk, strict=False)
        ]
        maps = recorder.cross_maps(positions)
        deviation = layer_deviation(maps)
        resized = resize_maps(maps, chunk[0].labels.shape)
        for i, scene in enumerate(chunk):
            truth = torch.from_numpy(scene.labels > 0)
            for key, values in scores.items():
                top = len(maps) if key == 'all' else int(key[3:])
                values.append(auc_roc(top_layers_mean(resized[i : i + 1], deviation[i : i + 1], top)[0].cpu(), truth))
    return scores


@torch.no_grad()
def inversion_error(parts: Parts, scenes: Sequence[Scene], *, steps: int = 40, fixed_point: int = 0) -> float:
    """Return the mean of ``||z' - z|| / ||z||`` after inversion to noise and reconstruction under the class prompt."""
    latents = encode_images(parts, scene_images(scenes).to(parts.device))
    context = encode_prompts(parts, [class_prompt(s.objects[0].name) for s in scenes])
    noise = invert_latents(parts, latents, context, steps=steps, fixed_point=fixed_point)
    again = sample_latents(parts, context, None, noise, steps=steps, guidance=1.0)
    return float(((again - latents).flatten(1).norm(dim=1) / latents.flatten(1).norm(dim=1)).mean())


@torch.no_grad()
def contact_sheet(
    parts: Parts, prompts: Sequence[str], per_prompt: int = 10, *, steps: int = 40, guidance: float = 5.0
) -> np.ndarray:
    """Return samples of every prompt, one prompt a row, ``(len(prompts) S, per_prompt S, 3)`` uint8 RGB."""
    rows = []
    side = parts.default_size // parts.latent_scale
    for row, prompt in enumerate(prompts):
        generator = torch.Generator().manual_seed(row)
        noise = torch.randn((per_prompt, parts.unet.config.in_channels, side, side), generator=generator)
        context = encode_prompts(parts, [prompt] * per_prompt)
        empty = encode_prompts(parts, [''] * per_prompt)
        latents = sample_latents(parts, context, empty, noise.to(parts.device), steps=steps, guidance=guidance)
        images = decode_latents(parts, latents).clamp(-1, 1).cpu()
        rows.append(np.hstack(list(((images + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy())))
    return np.vstack(rows)
