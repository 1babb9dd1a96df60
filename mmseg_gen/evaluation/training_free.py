"""Score AttentionCut and its baselines on labelled images, all on the same evidence (DiffusionSeg, Tab. 5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mmseg_gen.functional.attention_cut import CutSettings, attention_cut
from mmseg_gen.functional.baselines import crf_mask, kmeans_mask, normalized_cut_mask, threshold_mask
from mmseg_gen.functional.evidence import Evidence, cross_map
from mmseg_gen.functional.saliency import auc_roc, foreground_iou
from mmseg_gen.generators.capture import AttentionRecorder
from mmseg_gen.generators.evidence import collect_evidence
from mmseg_gen.generators.inversion import invert_latents
from mmseg_gen.generators.latents import encode_images
from mmseg_gen.generators.parts import Parts
from mmseg_gen.generators.prompts import class_token_positions
from mmseg_gen.generators.text import encode_prompts


@dataclass(frozen=True)
class LabelledImage:
    """An image with its class and its true mask: ``(H, W, 3)`` uint8 RGB, a word, ``(H, W)`` bool."""

    image: np.ndarray
    class_name: str
    mask: np.ndarray


@torch.no_grad()
def invert_for_evidence(
    parts: Parts,
    samples: Sequence[LabelledImage],
    settings: CutSettings,
    *,
    steps: int = 40,
    batch: int = 25,
    template: str = 'a photo of a {}',
) -> list[Evidence]:
    """Return each image's attention evidence along its DDIM inversion under the class's prompt.

    Args:
        parts: The generator.
        samples: Images of one size; their masks are not looked at.
        settings: ``top_k``, ``tau`` and ``num_seeds`` decide the seeds.
        steps: DDIM steps.
        batch: Images per pass.
        template: Prompt with ``{}`` for the class.
    """
    evidence: list[Evidence] = []
    for start in range(0, len(samples), batch):
        chunk = samples[start : start + batch]
        prompts = [template.format(s.class_name) for s in chunk]
        pixels = torch.from_numpy(np.stack([s.image for s in chunk])).permute(0, 3, 1, 2).float() / 127.5 - 1
        latents = encode_images(parts, pixels.to(parts.device))
        recorder = AttentionRecorder(parts.unet, tuple(latents.shape[-2:]))
        invert_latents(parts, latents, encode_prompts(parts, prompts), steps=steps, recorder=recorder)
        positions = [
            class_token_positions(parts.tokenizer, p, s.class_name) for p, s in zip(prompts, chunk, strict=False)
        ]
        evidence += collect_evidence(
            recorder, positions, top_k=settings.top_k, tau=settings.tau, num_seeds=settings.num_seeds,
            seeds=list(range(start, start + len(chunk))),
        )  # fmt: skip
    return evidence


def training_free_methods(settings: CutSettings) -> dict[str, Callable[[Evidence, np.ndarray], np.ndarray]]:
    """Return the methods by name: each takes evidence and an RGB image and returns a bool mask."""
    return {
        'threshold': lambda e, x: threshold_mask(e, x, top_k=settings.top_k),
        'kmeans': lambda e, x: kmeans_mask(e, x, top_k=settings.top_k),
        'ncut': lambda e, x: normalized_cut_mask(e, x, top_k=settings.top_k),
        'crf': lambda e, x: crf_mask(e, x, cut=settings),
        'attention_cut': lambda e, x: attention_cut(e, x, settings).mask,
    }


@dataclass(frozen=True)
class TrainingFreeScores:
    """Per-image results.

    Attributes:
        iou: Method name to foreground IoU of each image, ``(N,)`` in [0, 1].
        auc: AUC-ROC of the class map of each image, ``(N,)``.
        masks: AttentionCut's masks, ``(H, W)`` bool each.
    """

    iou: dict[str, np.ndarray]
    auc: np.ndarray
    masks: list[np.ndarray]


def score_training_free(
    samples: Sequence[LabelledImage],
    evidence: Sequence[Evidence],
    settings: CutSettings,
    *,
    only: str | None = None,
) -> TrainingFreeScores:
    """Return per-image scores of every training-free method, or of ``only`` one, on the same evidence."""
    methods = training_free_methods(settings)
    if only is not None:
        methods = {only: methods[only]}
    masks = {n: [m(e, s.image) for e, s in zip(evidence, samples, strict=False)] for n, m in methods.items()}
    iou = {
        name: np.array(
            [
                float(foreground_iou(torch.from_numpy(p), torch.from_numpy(s.mask)))
                for p, s in zip(own, samples, strict=False)
            ]
        )
        for name, own in masks.items()
    }
    auc = [_map_auc(cross_map(e, settings.top_k), s.mask) for e, s in zip(evidence, samples, strict=False)]
    return TrainingFreeScores(iou, np.array(auc), masks.get('attention_cut', []))


def _map_auc(class_map: np.ndarray, mask: np.ndarray) -> float:
    resized = torch.nn.functional.interpolate(
        torch.from_numpy(class_map)[None, None], mask.shape, mode='bilinear', align_corners=False
    )[0, 0]
    return float(auc_roc(resized, torch.from_numpy(mask)))
