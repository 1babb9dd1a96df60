"""What the embedded StyleGAN2 draws: a cat before a wall, as numbers that each enter through a known range of layers.

Shape letters: N images, F factors. A factor lies in [0, 1] and is uniform.
"""

from __future__ import annotations

import torch
from torch import Tensor

LAYERS = 10
# First layer of each group: a style that replaces the layers from here on replaces the group.
GROUPS: dict[str, int] = {'pose': 0, 'shape': 3, 'color': 7, 'light': 8}
RANGES: dict[str, dict[str, tuple[float, float]]] = {
    'pose': {
        'x': (0.40, 0.60), 'y': (0.48, 0.60), 'radius': (0.20, 0.27), 'tilt': (-0.35, 0.35), 'turn': (-0.30, 0.30),
        'horizon': (0.50, 0.85), 'slope': (-0.12, 0.12),
        'window_x': (0.08, 0.92), 'window_y': (0.08, 0.36), 'window_width': (0.08, 0.20), 'window_height': (0.07, 0.18),
        'ball_x': (0.06, 0.94), 'ball_y': (0.62, 0.94), 'ball_radius': (0.06, 0.15),
    },
    'shape': {
        'width': (0.95, 1.25), 'jaw': (-0.15, 0.25), 'ear_length': (0.40, 0.80), 'ear_width': (0.30, 0.48),
        'ear_angle': (0.50, 0.85), 'ear_lean': (-0.40, 0.20), 'body_width': (0.85, 1.30), 'neck': (0.35, 0.75),
        'eye_distance': (0.36, 0.52), 'eye_size': (0.15, 0.24), 'eye_open': (0.55, 1.0), 'eye_slant': (-0.05, 0.30),
        'pupil': (0.25, 0.75), 'muzzle': (0.30, 0.48), 'nose': (0.09, 0.16),
    },
    'color': {
        **{f'{thing}_{c}': (0.08, 0.92) for thing in ('fur', 'wall', 'floor', 'window', 'ball') for c in 'rgb'},
        'eye_r': (0.15, 0.95), 'eye_g': (0.35, 0.95), 'eye_b': (0.05, 0.75), 'muzzle_tone': (0.85, 1.45),
        'chest_tone': (0.80, 1.35), 'ear_tone': (0.60, 1.10),
    },
    'light': {
        'light_x': (-0.28, 0.28), 'light_y': (-0.28, 0.28),
        'fur_cosine': (-0.14, 0.14), 'fur_sine': (-0.14, 0.14),
        'wall_cosine': (-0.10, 0.10), 'wall_sine': (-0.10, 0.10),
    },
}  # fmt: skip
NAMES = tuple(name for group in RANGES.values() for name in group)


def latent_factors(z: Tensor) -> Tensor:
    """Return the factors of normal noise, ``(N, F)`` in [0, 1], from z ``(N, F)``.

    As in the mapping network, only the direction of z counts; each coordinate's normal distribution function makes it
    uniform.
    """
    normalized = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
    return 0.5 + 0.5 * torch.erf(normalized / 2**0.5)


def layer_factors(values: Tensor) -> Tensor:
    """Return one value for each factor, the mean over the layers of its group: ``(N, F)`` from ``(N, L, F)``."""
    ends = [*list(GROUPS.values())[1:], LAYERS]
    parts = torch.split(values, [len(names) for names in RANGES.values()], 2)
    groups = zip(parts, GROUPS.values(), ends, strict=True)
    return torch.cat([part[:, first:end].mean(1) for part, first, end in groups], 1)


def factor_values(factors: Tensor) -> dict[str, Tensor]:
    """Return each factor in its own unit under its name, ``(N, 1, 1)``."""
    values = {}
    for index, (name, (low, high)) in enumerate((k, v) for group in RANGES.values() for k, v in group.items()):
        values[name] = (low + (high - low) * factors[:, index])[:, None, None]
    return values
