"""The three stages of the recipe, in order: autoencoder, CLIP, text-to-image UNet. Each returns its loss function."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer

from .corpus import Corpus

Loss = Callable[[torch.Generator], Tensor]
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def _draw(generator: torch.Generator, count: int, batch: int) -> Tensor:
    return torch.randint(0, count, (batch,), generator=generator)


def _to_float(images: np.ndarray, rows: Tensor, device: torch.device) -> Tensor:
    return torch.from_numpy(images[rows.numpy()]).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1


def _gradients(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[..., 1:, :] - x[..., :-1, :], x[..., 1:] - x[..., :-1]


def vae_loss(vae: AutoencoderKL, corpus: Corpus, batch: int) -> Loss:
    """L1 on pixels and on their differences (edges), and a slight KL term.

    Crops of half the side: the autoencoder is convolutional, and four times as many steps beat four times the pixels.
    """
    side = corpus.images.shape[1]

    def loss(generator: torch.Generator) -> Tensor:
        top, left = (torch.randint(0, side // 2 + 1, (2,), generator=generator)).tolist()
        crops = corpus.images[:, top : top + side // 2, left : left + side // 2]
        x = _to_float(crops, _draw(generator, len(crops), batch), vae.device)
        with torch.autocast(vae.device.type, torch.bfloat16):
            posterior = vae.encode(x).latent_dist
            noise = torch.randn(posterior.mean.shape, generator=generator).to(vae.device)
            y = vae.decode(posterior.mean + posterior.std * noise).sample
        y = y.float()
        edges = sum((a - b).abs().mean() for a, b in zip(_gradients(y), _gradients(x), strict=False))
        return (y - x).abs().mean() + edges + 2e-4 * posterior.kl().float().mean() / noise[0].numel()

    return loss


def tokenize(tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """Return token ids ``(N, K)`` padded to the tokenizer's limit, as Stable Diffusion pads them."""
    limit = tokenizer.model_max_length
    return tokenizer(texts, padding='max_length', truncation=True, max_length=limit, return_tensors='pt').input_ids


def clip_loss(clip: CLIPModel, tokenizer: CLIPTokenizer, corpus: Corpus, batch: int) -> Loss:
    """Contrast images with captions; equal captions in a batch are not negatives of one another."""
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (CLIP_MEAN, CLIP_STD))
    tokens = torch.stack([tokenize(tokenizer, c) for c in corpus.captions])

    def loss(generator: torch.Generator) -> Tensor:
        rows = _draw(generator, len(corpus.images), batch)
        ids = tokens[rows, _draw(generator, tokens.shape[1], batch)].to(clip.device)
        x = _to_float(corpus.images, rows, clip.device)
        if torch.rand((), generator=generator) < 0.5:
            x = x.flip(3)
        x = ((x + 1) / 2 - mean.to(x)) / std.to(x)
        with torch.autocast(clip.device.type, torch.bfloat16):
            logits = clip(input_ids=ids, pixel_values=x).logits_per_image.float()
        same = (ids[:, None] == ids[None]).all(2).float()
        target = same / same.sum(1, keepdim=True)
        return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2

    return loss


@torch.no_grad()
def encode_latents(vae: AutoencoderKL, images: np.ndarray, batch: int = 128) -> Tensor:
    """Return the mode of every image's latents, unscaled, ``(N, 4, S/4, S/4)`` float16 on the CPU."""
    parts = []
    for start in range(0, len(images), batch):
        rows = torch.arange(start, min(start + batch, len(images)))
        with torch.autocast(vae.device.type, torch.bfloat16):
            parts.append(vae.encode(_to_float(images, rows, vae.device)).latent_dist.mode().half().cpu())
    return torch.cat(parts)


def velocity_weight(alphas_cumprod: Tensor, timesteps: Tensor, cap: float = 5.0) -> Tensor:
    """Return min-SNR weights for v-prediction (Hang et al. 2023), ``2 min(SNR, cap) / (SNR + 1)``."""
    ratio = alphas_cumprod[timesteps] / (1 - alphas_cumprod[timesteps])
    return ratio.clamp(max=cap) / (ratio + 1) * 2


def unet_loss(
    unet: UNet2DConditionModel,
    text_encoder: CLIPTextModel,
    tokenizer: CLIPTokenizer,
    scheduler: DDIMScheduler,
    latents: Tensor,
    captions: list[list[str]],
    batch: int,
    *,
    empty: float = 0.1,
    forward: Callable[..., tuple[Tensor]] | None = None,
) -> Loss:
    """Velocity regression under captions, ``empty`` of them replaced by the empty one for guidance.

    Args:
        unet: The network to train.
        text_encoder: CLIP's frozen text tower.
        tokenizer: Its tokenizer.
        scheduler: Gives the noise schedule.
        latents: Scaled latents ``(N, 4, h, w)``.
        captions: Captions of each image.
        batch: Images per step.
        empty: Share of empty captions.
        forward: Compiled stand-in for ``unet``'s forward.
    """
    tokens = torch.stack([tokenize(tokenizer, c) for c in captions])
    nothing = tokenize(tokenizer, [''])[0]
    forward = unet if forward is None else forward
    device = unet.device
    alphas = scheduler.alphas_cumprod.to(device)

    def loss(generator: torch.Generator) -> Tensor:
        rows = _draw(generator, len(latents), batch)
        ids = tokens[rows, _draw(generator, tokens.shape[1], batch)]
        ids[torch.rand(batch, generator=generator) < empty] = nothing
        clean = latents[rows].float().to(device)
        noise = torch.randn(clean.shape, generator=generator).to(device)
        # One draw per stratum: the same distribution with less variance than independent draws.
        strata = (torch.arange(batch) + torch.rand(batch, generator=generator)) / batch
        timesteps = (strata * scheduler.config.num_train_timesteps).long().to(device)
        noisy = scheduler.add_noise(clean, noise, timesteps)
        target = scheduler.get_velocity(clean, noise, timesteps)
        with torch.autocast(device.type, torch.bfloat16):
            with torch.no_grad():
                context = text_encoder(ids.to(device))[0]
            prediction = forward(noisy, timesteps, context, return_dict=False)[0]
        error = (prediction.float() - target).square().mean((1, 2, 3))
        return (velocity_weight(alphas, timesteps) * error).mean()

    return loss
