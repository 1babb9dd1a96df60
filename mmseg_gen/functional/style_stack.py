"""Variations of one image that share its structure: evidence of style mixing (Feng et al., Sec. 3.2).

Shape letters: n variations, ``(H, W)`` their size, M boxes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .array_files import read_arrays, write_arrays

STACK_KEY = 'style_stack'


@dataclass(frozen=True)
class StyleStack:
    """Images of one scene in n styles: uint8, a quarter of the memory of the paper's style summary tensor.

    Attributes:
        images: RGB uint8 ``(n, H, W, 3)``.
        boxes: Of objects to label each by itself, ``(M, 4)`` float32: x1, y1, x2, y2 in pixels of the scene's image,
            which may be larger than the stack; None labels the whole image.
        box_labels: Label of each box, ``(M,)`` int64 in [1, 254]; None where there are no boxes.
        class_ids: Labels that a label map of the scene may hold; empty for masks of 0 and 1.

    Raises:
        TypeError: ``images`` are not uint8.
        ValueError: A shape or a label is wrong, there is no image, or boxes and labels do not fit each other.
    """

    images: np.ndarray
    boxes: np.ndarray | None = None
    box_labels: np.ndarray | None = None
    class_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        images = np.asarray(self.images)
        if images.dtype != np.uint8:
            raise TypeError(f'Expected `images` of a style stack as uint8, but got {images.dtype}.')
        if images.ndim != 4 or images.shape[3] != 3 or 0 in images.shape:
            raise ValueError(f'Expected `images` of shape (n, H, W, 3), none of them 0, but got {images.shape}.')
        object.__setattr__(self, 'images', images)
        object.__setattr__(self, 'class_ids', tuple(int(i) for i in self.class_ids))
        if not all(1 <= i <= 254 for i in self.class_ids):
            raise ValueError(f'Expected `class_ids` in [1, 254], but got {self.class_ids}.')
        self._check_boxes()

    def _check_boxes(self) -> None:
        if self.boxes is None and self.box_labels is None:
            return
        if self.boxes is None or self.box_labels is None:
            raise ValueError('Expected `boxes` and `box_labels` together, but got one of them.')
        boxes, labels = np.asarray(self.boxes, np.float32), np.asarray(self.box_labels, np.int64)
        if boxes.ndim != 2 or boxes.shape[1] != 4 or labels.shape != boxes.shape[:1]:
            raise ValueError(f'Expected `boxes` (M, 4) and M labels, but got {boxes.shape} and {labels.shape}.')
        wrong = np.setdiff1d(labels, self.class_ids or (1,))
        if wrong.size:
            raise ValueError(f'Expected `box_labels` from {self.class_ids or (1,)}, but got {int(wrong[0])}.')
        object.__setattr__(self, 'boxes', boxes)
        object.__setattr__(self, 'box_labels', labels)

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
        write_arrays(path, self._packed())

    @classmethod
    def load(cls, path: str | Path) -> StyleStack:
        """Read what :meth:`save` wrote, without ever unpickling.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is damaged or holds other evidence.
        """
        return read_arrays(path, cls._unpacked, 'a style stack as `StyleStack.save` writes it')

    def _packed(self) -> dict[str, np.ndarray]:
        packed = {STACK_KEY: self.images, 'class_ids': np.array(self.class_ids, np.int64)}
        if self.boxes is not None and self.box_labels is not None:
            packed |= {'boxes': self.boxes, 'box_labels': self.box_labels}
        return packed

    @classmethod
    def _unpacked(cls, packed: dict[str, np.ndarray]) -> StyleStack:
        ids = packed.get('class_ids', np.zeros(0, np.int64)).tolist()
        return cls(packed[STACK_KEY], packed.get('boxes'), packed.get('box_labels'), tuple(ids))

    def stored(self) -> StyleStack:
        """Return the stack as it reads back from a file: itself, for nothing is rounded."""
        return self
