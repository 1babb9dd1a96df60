"""What a generator says about one image, small enough to store: input of AttentionCut and its baselines.

Shape letters: L layers, ``(R1, R2)`` the attention's working grid. Nothing of size ``(R1 R2)^2`` is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch

from .array_files import read_arrays, write_arrays
from .attention import NEIGHBORS, min_max, top_layers_mean


@dataclass(frozen=True)
class Evidence:
    """Attention evidence of one sample, float32.

    Attributes:
        cross: Raw class map of each cross-attention layer on the working grid, ``(L, R1, R2)``.
        deviation: Standard deviation of each layer's raw map at its own resolution, ``(L,)``.
        seed_map: Mean self-attention to the boundary seeds, ``(R1, R2)`` in [0, 1].
        affinity: Self-attention between neighbours by direction of ``NEIGHBORS``, ``(4, R1, R2)`` in [0, 1].

    Raises:
        ValueError: An array has the wrong shape or holds NaN or infinite values; the text names it.
    """

    cross: np.ndarray
    deviation: np.ndarray
    seed_map: np.ndarray
    affinity: np.ndarray

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, np.asarray(getattr(self, field.name), np.float32))
        if self.cross.ndim != 3 or 0 in self.cross.shape:
            raise ValueError(f'Expected `cross` of shape (L, R1, R2), but got {self.cross.shape}.')
        layers, *grid = self.cross.shape
        expected = {'deviation': (layers,), 'seed_map': (*grid,), 'affinity': (len(NEIGHBORS), *grid)}
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f'Expected `{name}` of shape {shape}, but got {getattr(self, name).shape}.')
        for field in fields(self):
            bad = np.count_nonzero(~np.isfinite(getattr(self, field.name)))
            if bad:
                raise ValueError(f'Expected `{field.name}` to be finite, but got {bad} NaN or infinite values.')

    def save(self, path: str | Path) -> None:
        """Write a compressed npz in float16 under a temporary name, then rename it to ``path``.

        Each layer of ``cross`` is divided by its largest magnitude first, so that small probabilities keep
        their digits.
        """
        write_arrays(path, self._packed())

    @classmethod
    def load(cls, path: str | Path) -> Evidence:
        """Read what :meth:`save` wrote, without ever unpickling.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is damaged, or an array is missing, misshapen or not finite.
        """
        return read_arrays(path, cls._unpacked, 'evidence as `Evidence.save` writes it')

    def stored(self) -> Evidence:
        """Return the evidence as it reads back from a file, for labels equal to those made from the file."""
        return self._unpacked(self._packed())

    def _packed(self) -> dict[str, np.ndarray]:
        scale = np.abs(self.cross).max((1, 2))
        scale[scale == 0] = 1
        return {
            'cross': (self.cross / scale[:, None, None]).astype(np.float16),
            'cross_scale': scale,
            'deviation': self.deviation,
            'seed_map': self.seed_map.astype(np.float16),
            'affinity': self.affinity.astype(np.float16),
        }

    @classmethod
    def _unpacked(cls, packed: dict[str, np.ndarray]) -> Evidence:
        cross = packed['cross'].astype(np.float32) * packed['cross_scale'][:, None, None]
        return cls(cross, packed['deviation'], packed['seed_map'], packed['affinity'])


def cross_map(evidence: Evidence, top_k: int) -> np.ndarray:
    """Return the mean of the ``top_k`` layers of largest deviation, min-maxed, float32 ``(R1, R2)``.

    Raises:
        ValueError: ``top_k`` is not in [1, L].
    """
    cross, deviation = torch.from_numpy(evidence.cross)[None], torch.from_numpy(evidence.deviation)[None]
    return min_max(top_layers_mean(cross, deviation, top_k))[0].numpy()
