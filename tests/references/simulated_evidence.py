"""Images with a known object and the kind of evidence that a small diffusion model gives of them."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from mmseg_gen.functional.evidence import Evidence


def simulate(seed: int, size: tuple[int, int] = (48, 64), grid: tuple[int, int] = (12, 16), noise: float = 0.1):
    """Return ``(evidence, image, mask)``: an ellipse in one colour on two others, seen through a blurred, noisy map."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(size, np.uint8)
    center = (int(size[1] * rng.uniform(0.35, 0.65)), int(size[0] * rng.uniform(0.35, 0.65)))
    axes = (int(size[1] * rng.uniform(0.15, 0.28)), int(size[0] * rng.uniform(0.15, 0.28)))
    cv2.ellipse(mask, center, axes, rng.uniform(0, 180), 0, 360, 1, -1)
    colors = rng.permutation([[200, 60, 50], [60, 150, 70], [60, 80, 190]])
    image = np.where(np.arange(size[0])[:, None, None] < size[0] // 2, colors[0], colors[1])
    image = np.where(mask[..., None] > 0, colors[2], image) + rng.normal(0, 8, (*size, 3))
    small = cv2.resize(mask.astype(np.float32), grid[::-1], interpolation=cv2.INTER_AREA)
    layers = [gaussian_filter(small, 1.2) + noise * rng.standard_normal(grid) for _ in range(3)]
    cross = 0.02 + 0.1 * np.clip(layers, 0, None) * np.array([1, 0.8, 0.1])[:, None, None]
    seed_map = np.clip(gaussian_filter(small, 1) + noise * rng.random(grid), 0, 1)
    evidence = Evidence(cross, cross.std((1, 2)), seed_map, rng.uniform(0.2, 0.6, (4, *grid)))
    return evidence, np.clip(image, 0, 255).astype(np.uint8), mask > 0


def iou(first: np.ndarray, second: np.ndarray) -> float:
    """Return intersection over union of two bool masks."""
    return float((first & second).sum() / max(1, (first | second).sum()))
