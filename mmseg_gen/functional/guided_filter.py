"""The guided filter: probabilities that follow the edges of a colour image (He, Sun and Tang, ECCV 2010)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .canvas import check_image


@dataclass(frozen=True)
class GuidedSettings:
    """Settings of the guided filter.

    Attributes:
        radius: Half side of the window in pixels, at least 1.
        epsilon: Regularisation for colours in [0, 1]; edges weaker than its root are smoothed over.

    Raises:
        ValueError: A value is out of range.
    """

    radius: int = 8
    epsilon: float = 1e-3

    def __post_init__(self) -> None:
        if self.radius < 1:
            raise ValueError(f'Expected `radius` to be 1 or more, but got {self.radius}.')
        if not self.epsilon > 0:
            raise ValueError(f'Expected `epsilon` to be positive, but got {self.epsilon}.')


def guided_filter(image: np.ndarray, maps: np.ndarray, settings: GuidedSettings | None = None) -> np.ndarray:
    """Return each map as a locally linear function of the image's colours, float64 ``(C, H, W)``.

    Windows are cut off at the image's border.

    Args:
        image: RGB uint8 ``(H, W, 3)``, the guide.
        maps: ``(C, H, W)``.
        settings: None for the defaults.

    Raises:
        TypeError: ``image`` is not uint8.
        ValueError: The sizes differ.
    """
    settings = settings or GuidedSettings()
    check_image(image)
    if maps.ndim != 3 or maps.shape[1:] != image.shape[:2]:
        raise ValueError(f'Expected `maps` of shape (C, {image.shape[0]}, {image.shape[1]}), but got {maps.shape}.')
    guide = image.astype(np.float64) / 255
    count = _window_sum(np.ones(image.shape[:2]), settings.radius)

    def mean(values: np.ndarray) -> np.ndarray:
        return _window_sum(values, settings.radius) / count

    center = np.stack([mean(guide[..., i]) for i in range(3)], -1)
    products = [[mean(guide[..., i] * guide[..., j]) for j in range(3)] for i in range(3)]
    covariance = np.stack([np.stack(row, -1) for row in products], -2) - center[..., :, None] * center[..., None, :]
    covariance += settings.epsilon * np.eye(3)
    filtered = []
    for values in maps.astype(np.float64):
        average = mean(values)
        cross = np.stack([mean(guide[..., i] * values) for i in range(3)], -1) - center * average[..., None]
        slope = np.linalg.solve(covariance, cross[..., None])[..., 0]
        offset = average - (slope * center).sum(-1)
        slopes = np.stack([mean(slope[..., i]) for i in range(3)], -1)
        filtered.append((slopes * guide).sum(-1) + mean(offset))
    return np.stack(filtered)


def _window_sum(values: np.ndarray, radius: int) -> np.ndarray:
    size = (2 * radius + 1, 2 * radius + 1)
    return cv2.boxFilter(values, -1, size, normalize=False, borderType=cv2.BORDER_CONSTANT)
