"""Which part of a photo lies on a model's canvas: a random window of the photo that covers it, or the whole photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .canvas import resize_map
from .inpainting import latent_mask

FITS = ('stretch', 'crop')


@dataclass(frozen=True)
class PhotoWindow:
    """A window of a resized photo, as large as the canvas.

    Attributes:
        resized: Height and width to resize the photo to, at least those of the canvas.
        top: First row of the window.
        left: First column.
        canvas: Height and width of the window.
        flipped: Whether the window is mirrored left to right, after it was cut out.
    """

    resized: tuple[int, int]
    top: int
    left: int
    canvas: tuple[int, int]
    flipped: bool = False

    def cut(self, resized: np.ndarray) -> np.ndarray:
        """Return the window of an array that has the resized photo's height and width."""
        (height, width), step = self.canvas, -1 if self.flipped else 1
        return resized[self.top : self.top + height, self.left : self.left + width][:, ::step]


def draw_window(
    size: tuple[int, int], canvas: tuple[int, int], rng: np.random.Generator, *, fit: str = 'stretch', flip: float = 0.5
) -> PhotoWindow:
    """Return a window of a photo.

    Args:
        size: Height and width of the photo.
        canvas: Height and width of the canvas.
        rng: Decides the draw.
        fit: 'stretch' maps the whole photo to the canvas, whatever its aspect, as inpainting does (ours); 'crop' keeps
            the aspect: the photo just covers the canvas and a random window is cut out, as in the authors' code.
        flip: Probability of mirroring, in [0, 1].

    Raises:
        ValueError: ``fit`` is another word, or ``flip`` is out of range.
    """
    if fit not in FITS:
        raise ValueError(f'Expected `fit` from {", ".join(FITS)}, but got {fit!r}.')
    if not 0 <= flip <= 1:
        raise ValueError(f'Expected `flip` in [0, 1], but got {flip}.')
    resized = canvas if fit == 'stretch' else covering_size(size, canvas)
    top, left = (int(rng.integers(long - short + 1)) for long, short in zip(resized, canvas, strict=True))
    return PhotoWindow(resized, top, left, canvas, bool(rng.random() < flip))


def covering_size(size: tuple[int, int], canvas: tuple[int, int]) -> tuple[int, int]:
    """Return the least size of the same aspect that covers a canvas.

    Example:
        >>> covering_size((300, 400), (512, 512))
        (512, 683)
    """
    factor = max(canvas[0] / size[0], canvas[1] / size[1])
    return max(canvas[0], round(size[0] * factor)), max(canvas[1], round(size[1] * factor))


def photo_in_window(photo: np.ndarray, window: PhotoWindow) -> np.ndarray:
    """Return the part of a photo in a window, of the canvas' size.

    Args:
        photo: RGB uint8 ``(H, W, 3)``.
        window: From :func:`draw_window` for this photo.
    """
    return np.ascontiguousarray(window.cut(resize_map(photo, window.resized)))


def cells_in_window(mask: np.ndarray, window: PhotoWindow, cell: int) -> np.ndarray:
    """Return the cells of the canvas that a mask touches, bool ``(H / cell, W / cell)``.

    Args:
        mask: Bool, of any grid over the whole photo.
        window: From :func:`draw_window` for the photo.
        cell: Pixels per cell; divides both sides of the canvas.

    Raises:
        ValueError: ``cell`` does not divide the canvas.
    """
    height, width = window.canvas
    if cell < 1 or height % cell or width % cell:
        raise ValueError(f'Expected `cell` to divide the canvas of {height} x {width}, but got {cell}.')
    touched = latent_mask(torch.from_numpy(np.asarray(mask, bool))[None], window.resized)[0, 0].numpy()
    part = torch.from_numpy(np.ascontiguousarray(window.cut(touched)) > 0)
    return latent_mask(part[None], (height // cell, width // cell))[0, 0].numpy() > 0
