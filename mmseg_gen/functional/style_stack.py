"""Variations of one image that share its structure: evidence of style mixing (Feng et al., Sec. 3.2).

Shape letters: n variations, ``(H, W)`` their size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .writing import write_atomically

_KEY = 'style_stack'


@dataclass(frozen=True)
class StyleStack:
    """Images of one scene in n styles: uint8, a quarter of the memory of the paper's style summary tensor.

    Attributes:
        images: RGB uint8 ``(n, H, W, 3)``.

    Raises:
        TypeError: ``images`` are not uint8.
        ValueError: They have another shape, or there is none.
    """

    images: np.ndarray

    def __post_init__(self) -> None:
        images = np.asarray(self.images)
        if images.dtype != np.uint8:
            raise TypeError(f'Expected `images` of a style stack as uint8, but got {images.dtype}.')
        if images.ndim != 4 or images.shape[3] != 3 or 0 in images.shape:
            raise ValueError(f'Expected `images` of shape (n, H, W, 3), none of them 0, but got {images.shape}.')
        object.__setattr__(self, 'images', images)

    @classmethod
    def collect(cls, batches: Iterable[np.ndarray], count: int) -> StyleStack:
        """Return the stack of images that come in batches; only one batch is held beside it.

        Args:
            batches: Of uint8 ``(B, H, W, 3)``.
            count: Images in all.

        Raises:
            ValueError: More or fewer images came, or their sizes differ.
        """
        stack: np.ndarray | None = None
        filled = 0
        for batch in batches:
            if stack is None:
                stack = np.empty((count, *batch.shape[1:]), np.uint8)
            if filled + len(batch) > count or batch.shape[1:] != stack.shape[1:]:
                shape = stack.shape[1:]
                raise ValueError(f'Expected {count} images of {shape}, but got {batch.shape} after {filled}.')
            stack[filled : filled + len(batch)] = batch
            filled += len(batch)
        if stack is None or filled != count:
            raise ValueError(f'Expected {count} images, but got {filled}.')
        return cls(stack)

    def save(self, path: str | Path) -> None:
        """Write a compressed npz under a temporary name, then rename it to ``path``."""

        def write(partial: Path) -> None:
            with partial.open('wb') as file:
                np.savez_compressed(file, allow_pickle=False, **{_KEY: self.images})

        write_atomically(Path(path), write)

    @classmethod
    def load(cls, path: str | Path) -> StyleStack:
        """Read what :meth:`save` wrote, without ever unpickling.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is damaged or holds other evidence.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                return cls(archive[_KEY])
        except FileNotFoundError:
            raise
        except Exception as error:  # zipfile, zlib and numpy each raise their own on a damaged file
            raise ValueError(f'Expected a style stack as `save` writes it, but got {path}: {error}') from error

    def stored(self) -> StyleStack:
        """Return the stack as it reads back from a file: itself, for nothing is rounded."""
        return self
