"""Mean field of the fully connected CRF with the whole N x N kernels: exact, for small images."""

from __future__ import annotations

import numpy as np

from mmseg_gen.functional.crf import CrfSettings


def gaussian_kernel(features: np.ndarray) -> np.ndarray:
    """Return ``exp(-||f_i - f_j||^2 / 2)``, ``(N, N)``."""
    return np.exp(-0.5 * ((features[:, None] - features[None]) ** 2).sum(-1))


def exact_crf(probabilities: np.ndarray, image: np.ndarray, settings: CrfSettings) -> np.ndarray:
    """Return the marginals, ``(C, H, W)``, written out without any function of the package."""
    classes, height, width = probabilities.shape
    position = np.stack(np.mgrid[:height, :width], -1).reshape(-1, 2).astype(float)
    color = image.reshape(-1, 3).astype(float)
    near = gaussian_kernel(np.concatenate([position / settings.position_sigma, color / settings.color_sigma], 1))
    smooth = gaussian_kernel(position / settings.smooth_sigma)
    kernels = []
    for weight, kernel in ((settings.color_weight, near), (settings.smooth_weight, smooth)):
        norm = 1 / np.sqrt(kernel.sum(1))
        kernels.append(weight * norm[:, None] * kernel * norm[None])
    unary = -np.log(np.clip(probabilities.reshape(classes, -1).T, 1e-8, 1))
    marginals = np.exp(-unary) / np.exp(-unary).sum(1, keepdims=True)
    for _ in range(settings.iterations):
        logits = sum(k @ marginals for k in kernels) - unary
        powers = np.exp(logits - logits.max(1, keepdims=True))
        marginals = powers / powers.sum(1, keepdims=True)
    return marginals.T.reshape(classes, height, width)
