"""What concept distillation says of one image: mean attention maps, and the image without its objects.

Shape letters: G concepts, ``(h, w)`` the grid of the latents, ``(H, W)`` the image's size.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .array_files import read_arrays, write_arrays
from .canvas import check_image

BACKGROUND_KEY = 'background'


@dataclass(frozen=True)
class ConceptEvidence:
    """Evidence of an image for the labeller ``ConceptLabel``.

    Attributes:
        maps: Mean attention to each concept, float32 ``(G, h, w)``.
        background: The image with its objects painted over, RGB uint8 ``(H, W, 3)``.
        class_ids: Label of each concept where there are several; empty for one, whose mask holds 0 and 1.

    Raises:
        TypeError: ``background`` is not uint8.
        ValueError: A shape does not fit, or a value is not finite.
    """

    maps: np.ndarray
    background: np.ndarray
    class_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, 'maps', np.asarray(self.maps, np.float32))
        object.__setattr__(self, 'class_ids', tuple(int(i) for i in self.class_ids))
        if self.maps.ndim != 3 or 0 in self.maps.shape or not np.isfinite(self.maps).all():
            raise ValueError(f'Expected finite `maps` of shape (G, h, w), but got {self.maps.shape}.')
        if len(self.class_ids) not in (0, len(self.maps)):
            raise ValueError(f'Expected {len(self.maps)} `class_ids`, or none, but got {self.class_ids}.')
        check_image(self.background)

    def save(self, path: str | Path) -> None:
        """Write a compressed npz under a temporary name, then rename it to ``path``; maps in float16."""
        write_arrays(path, self._packed())

    @classmethod
    def load(cls, path: str | Path) -> ConceptEvidence:
        """Read what :meth:`save` wrote, without ever unpickling.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is damaged.
        """
        return read_arrays(path, cls._unpacked, 'evidence as `ConceptEvidence.save` writes it')

    def stored(self) -> ConceptEvidence:
        """Return the evidence as it reads back from a file."""
        return self._unpacked(self._packed())

    def _packed(self) -> dict[str, np.ndarray]:
        # Attention is about 0.01: scaled to 1 it keeps its digits in float16.
        scale = np.abs(self.maps).max((1, 2))
        scale[scale == 0] = 1
        return {
            'maps': (self.maps / scale[:, None, None]).astype(np.float16),
            'scale': scale,
            BACKGROUND_KEY: self.background,
            'ids': np.array(self.class_ids, np.int64),
        }

    @classmethod
    def _unpacked(cls, packed: dict[str, np.ndarray]) -> ConceptEvidence:
        maps = packed['maps'].astype(np.float32) * packed['scale'][:, None, None]
        return cls(maps, packed[BACKGROUND_KEY], tuple(packed['ids'].tolist()))
