"""How well the embedded StyleGAN2 draws what its styles stand for: the numbers of its model card."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmseg_gen.functional.inversion_loss import pixel_loss

from ..gan_encoding import encode_images
from ..gan_inversion import Inversion, InversionSettings, invert_images
from ..residual_encoder import ResidualEncoder
from ..style_mixing import random_styles, to_pixels
from ..stylegan2 import StyleGan2
from .cat_factors import GROUPS, NAMES
from .cats import FUR, render_cats
from .gan_masks import exact_masks, exact_parts
from .stylegan import CONFIG, factor_styles, style_factors

HELD_OUT = 1_000_000
# Midway between fur at its lightest, in the body's shade, and the background at its darkest.
_GREY = -0.15


@torch.no_grad()
def drawing_quality(model: StyleGan2, styles: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio of each image to the renderer's, in dB, ``(N,)``.

    Args:
        model: The generator.
        styles: ``(N, L, D)``.
    """
    images = model.synthesis(styles).clamp(-1, 1)
    error = (images - render_cats(style_factors(styles))[0]).square().mean((1, 2, 3)) / 4
    return -10 * error.log10()


@torch.no_grad()
def silhouettes(model: StyleGan2, styles: Tensor) -> Tensor:
    """Return where the network itself draws fur, bool ``(N, 64, 64)``: in white before black, cut midway.

    The structure is that of the styles; the layers of colour and light are replaced.
    """
    colors = torch.full((len(NAMES),), 0.5, device=styles.device)
    for index, name in enumerate(NAMES):
        if name.endswith(('_r', '_g', '_b')):
            colors[index] = float(name.startswith('fur_'))
    mixed = styles.clone()
    mixed[:, GROUPS['color'] :] = factor_styles(colors).to(styles)
    return model.synthesis(mixed).mean(1) > _GREY


def silhouette_iou(model: StyleGan2, styles: Tensor) -> Tensor:
    """Return the IoU of the network's own silhouette with the exact mask, ``(N,)``.

    Eyes and nose keep dark colours, so they are left out on both sides.
    """
    parts = exact_parts(styles)
    shown, wanted = silhouettes(model, styles) & (parts <= FUR), parts == FUR
    return (shown & wanted).sum((1, 2)) / (shown | wanted).sum((1, 2))


@torch.no_grad()
def inversion_quality(model: StyleGan2, images: Tensor, styles: Tensor, found: Inversion) -> dict[str, float]:
    """Return how near found latents are to the true ones: mean PSNR, IoU of masks, and the pixel loss."""
    drawn = model.synthesis(found.styles).clamp(-1, 1)
    error = (drawn - images).square().mean((1, 2, 3)) / 4
    own, true = exact_masks(found.styles) > 0, exact_masks(styles) > 0
    return {
        'psnr': float((-10 * error.log10()).mean()),
        'mask_iou': float(((own & true).sum((1, 2)) / (own | true).sum((1, 2))).mean()),
        'pixel_loss': float(pixel_loss(drawn, images, 4).mean()),
    }


def quality_report(model: StyleGan2, encoder: ResidualEncoder, images: int = 200, inverted: int = 20) -> dict[str, Any]:
    """Return the measured numbers on held-out latents (seeds from 1 000 000 on).

    Args:
        model: The generator.
        encoder: Its encoder.
        images: Images for the drawing quality.
        inverted: Images to invert with the encoder (1 and 5 steps) and by optimisation (25 and 100 steps).
    """
    report: dict[str, Any] = {'images': images, 'inverted': inverted}
    for truncation in (1.0, 0.7):
        styles = random_styles(model, images, seed=HELD_OUT, truncation=truncation)
        psnr, iou = drawing_quality(model, styles), silhouette_iou(model, styles)
        report[f'truncation_{truncation}'] = {
            'psnr': float(psnr.mean()), 'psnr_lowest': float(psnr.min()),
            'silhouette_iou': float(iou.mean()), 'silhouette_iou_lowest': float(iou.min()),
        }  # fmt: skip
    styles = random_styles(model, inverted, seed=HELD_OUT + 1)
    with torch.no_grad():
        targets = model.synthesis(styles).clamp(-1, 1)
    runs: dict[str, Callable[[], Inversion]] = {
        **{f'encoder_{n}': partial(encode_images, model, targets, encoder, steps=n) for n in (1, 5)},
        **{f'optimisation_{n}': partial(invert_images, model, targets, InversionSettings(steps=n)) for n in (25, 100)},
    }
    report['inversion'] = {}
    for name, run in runs.items():
        start = time.monotonic()
        found = run()
        seconds = (time.monotonic() - start) / inverted
        report['inversion'][name] = {**inversion_quality(model, targets, styles, found), 'seconds_per_image': seconds}
    return report


@torch.no_grad()
def sample_sheet(model: StyleGan2, rows: int, columns: int, seed: int = HELD_OUT) -> np.ndarray:
    """Return pairs of images and their exact masks, uint8 ``(rows * 64, 2 * columns * 64, 3)``."""
    styles = random_styles(model, rows * columns, seed=seed)
    images = to_pixels(model.synthesis(styles))
    masks = exact_masks(styles)[..., None].expand(-1, -1, -1, 3).cpu().numpy() * 255
    pairs = np.concatenate([images, masks], 2)
    side = CONFIG.resolution
    return pairs.reshape(rows, columns, side, 2 * side, 3).transpose(0, 2, 1, 3, 4).reshape(rows * side, -1, 3)
