"""The two ways in which G4Seg moves probabilities: mixing with matches (Eq. 8-9), and descent (Eq. 7, ours).

Shape letters: B classes refined, S noise samples, ``(H, W)`` the image, ``(h, w)`` a grid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from mmseg_gen.functional.canvas import limited_size, resize_map
from mmseg_gen.functional.confusion import mix_probabilities
from mmseg_gen.functional.feature_grid import resize_features
from mmseg_gen.functional.mask_gradient import agreement, descend, shifted_probability
from mmseg_gen.refiners.alignment import matched_probability

if TYPE_CHECKING:
    from mmseg_gen.generators.regeneration import ClassPrompts
    from mmseg_gen.refiners.g4seg import G4Seg


@dataclass(frozen=True, eq=False)
class Subject:
    """What is refined: the image as the generator sees it, in [-1, 1] ``(1, 3, H', W')``, its latents, its prompts."""

    pixels: Tensor
    latents: Tensor
    prompts: ClassPrompts


def mix_matches(method: G4Seg, subject: Subject, probabilities: np.ndarray, bands: np.ndarray) -> np.ndarray:
    """Return each class's probability, mixed with that of its matches, ``(B, H, W)``.

    Args:
        method: The settings and the generator.
        subject: The image.
        probabilities: Of the classes, ``(B, H, W)``.
        bands: Pixels of each class that may change, bool ``(B, H, W)``.
    """
    current, again = probabilities, regeneration(method, subject)
    for iteration in range(method.iterations):
        made = again(canvas_masks(current, subject), iteration)
        generated, original = paired_features(method, subject, made)
        current = np.stack(
            [_mix(method, *per_class, original) for per_class in zip(current, bands, generated, strict=True)]
        )
    return current


def regeneration(method: G4Seg, subject: Subject) -> Callable[[Tensor, int], Tensor]:
    """Return a function from masks and the number of the iteration to latents ``(B, S, C, h, w)``."""
    prompts, parts = subject.prompts, method.regenerator.parts
    if method.null_text is None:
        regenerator = method.regenerator
        return lambda masks, i: regenerator.regenerate(subject.latents, masks, prompts, _seeds(method, i))
    from mmseg_gen.generators.null_text import NullTextSettings, invert_with_null_text, regenerate_with_null_text

    settings = NullTextSettings(**method.null_text)
    latents = subject.latents.expand(len(prompts.positions), -1, -1, -1)
    path = invert_with_null_text(parts, latents, prompts.context, settings)
    options = dict(settings=settings, injection=method.injection)
    return lambda masks, i: regenerate_with_null_text(
        parts, path, prompts.context, masks, prompts.positions, **options
    )[:, None]


def _mix(method: G4Seg, probability: np.ndarray, band: np.ndarray, generated: Tensor, original: Tensor) -> np.ndarray:
    if not band.any():
        return probability
    matched, evidence = matched_probability(probability, band, generated, original, method.matching)
    band = band & (evidence >= method.gate)
    return mix_probabilities(probability, matched, band, method.beta, evidence if method.evidence else None)


def paired_features(method: G4Seg, subject: Subject, made: Tensor) -> tuple[Tensor, Tensor]:
    """Return features of the regenerated images ``(B, S, C, h, w)`` and of the image ``(C, h, w)`` on one grid."""
    from mmseg_gen.generators.latents import decode_latents

    parts, limit = method.regenerator.parts, method.max_batch
    images = torch.cat([decode_latents(parts, chunk) for chunk in made.flatten(0, 1).split(limit)])
    images = torch.cat([subject.pixels, images])
    size = limited_size((images.shape[2], images.shape[3]), method.grid)
    # Of any length: the match makes unit vectors of those that it takes.
    chunks = [resize_features(method.extractor(parts, chunk), size) for chunk in images.split(limit + 1)]
    features = chunks[0] if len(chunks) == 1 else torch.cat(chunks)
    return features[1:].unflatten(0, made.shape[:2]), features[0]


def descend_gradient(method: G4Seg, subject: Subject, probabilities: np.ndarray, bands: np.ndarray) -> np.ndarray:
    """Return each class's probability, moved so that the image is regenerated better under it, ``(B, H, W)``.

    The mask is moved on the grid of the latents; the change of its logits is bilinear between cells. Arguments as in
    :func:`mix_matches`.
    """
    settings, regenerator = method.gradient, method.regenerator
    coarse, allowed = canvas_masks(probabilities, subject, on_grid=True), canvas_masks(bands, subject, on_grid=True)
    change, gradients = torch.zeros_like(coarse), []
    for iteration in range(settings.steps):
        masks = shifted_probability(coarse, change * allowed)
        _, found = regenerator.gradients(subject.latents, masks, subject.prompts, _seeds(method, iteration))
        gradients.append(found)
        change = descend(change, found.mean(1), settings.step, settings.limit)
    sure = agreement(torch.cat(gradients, 1))
    change = change * (sure >= method.gate)
    if method.evidence:
        change = change * sure
    full = torch.from_numpy(probabilities).to(change.device)
    moved = shifted_probability(full, change).cpu().numpy()
    after = np.where(bands, moved, probabilities).astype(probabilities.dtype)
    return after if settings.gate is None else _keep_better(method, subject, probabilities, after)


def _keep_better(method: G4Seg, subject: Subject, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the new masks of the classes under which fresh noise is removed better, and the old of the others.

    Hard masks are compared: soft ones differ in how sure they are too, and surer ones always win.
    """
    settings = method.gradient
    first = method.seed + settings.steps * method.samples
    seeds = list(range(first, first + settings.gate_samples))
    old, new = (
        method.regenerator.errors(subject.latents, canvas_masks(p > 0.5, subject), subject.prompts, seeds).mean(1)
        for p in (before, after)
    )
    better = (new <= (1 - settings.gate) * old).cpu().numpy()
    return np.where(better[:, None, None], after, before)


def _seeds(method: G4Seg, iteration: int) -> list[int]:
    first = method.seed + iteration * method.samples
    return list(range(first, first + method.samples))


def canvas_masks(maps: Any, subject: Subject, on_grid: bool = False) -> Tensor:
    """Return maps as float32 on the generator's canvas, or on the grid of its latents, in [0, 1]."""
    size = (subject.latents if on_grid else subject.pixels).shape[-2:]
    resized = [resize_map(np.asarray(m, np.float32), (size[0], size[1])) for m in maps]
    return torch.from_numpy(np.stack(resized)).clamp(0, 1).to(subject.pixels.device)
