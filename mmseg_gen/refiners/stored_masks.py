"""Masks from files, soft or hard, binary or of several classes, as the probabilities that refiners read.

Shape letters: ``(H, W)`` the image, n named classes; the result has n + 1 channels, the background first.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from mmseg_gen.errors import UserError
from mmseg_gen.functional.coarsening import soften_mask

MASK_SUFFIXES = ('.png', '.npy')
VOID = 255
# Share of the longer side over which a hard edge is softened: the confusion band of the paper, 40 of 512 pixels, has
# then probabilities in its range.
SOFT_SHARE = 0.05


def read_mask(path: str | os.PathLike[str]) -> np.ndarray:
    """Return a stored mask as it is: ``(H, W)`` or ``(C, H, W)``.

    Args:
        path: A grey or indexed PNG of 8 or 16 bits, or an npy file.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: It is of another kind, or damaged.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f'Expected a mask file, but there is no {file}.')
    if file.suffix.lower() == '.npy':
        try:
            return np.load(file, allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise UserError(f'Expected an array of numbers, but {file} cannot be read as one ({error}).') from error
    try:
        with Image.open(file) as opened:
            opened.load()
            if opened.mode not in ('1', 'L', 'P') and not opened.mode.startswith('I'):
                raise UserError(
                    f'Expected a mask of one channel (grey or indexed), but {file} is {opened.mode}; convert it.'
                )
            values = np.asarray(opened)
            # Grey levels of 16 bits say how sure a pixel is.
            return values / np.float32(65535) if opened.mode.startswith('I') and values.max() > VOID else values
    except (UnidentifiedImageError, SyntaxError) as error:
        raise UserError(f'Expected a mask as PNG or npy, but {file} is neither.') from error
    except (OSError, EOFError) as error:
        raise UserError(f'Expected a whole mask, but {file} cannot be read ({error}); replace it.') from error


def mask_probabilities(
    mask: np.ndarray, names: Sequence[str], size: tuple[int, int], soften: float | None = None
) -> np.ndarray:
    """Return probabilities of the background and the named classes, float32 ``(n + 1, H, W)``, summing to 1.

    Hard masks are softened at their edges. Integers: 0 the background, i the i-th class, 255 undecided; for one class
    {0, 255} and {0, 1} are the same (beside 1, 255 is undecided), and 8-bit values between are shares of 255, of which
    one must exceed one half: the ids of further classes would look like an empty mask. Floating point: ``(H, W)`` is
    the probability of the one class, ``(C, H, W)`` of all, with the background first or without it.

    Args:
        mask: The mask.
        names: n classes.
        size: H and W of the image.
        soften: Width of softened edges in pixels, above 0, see :func:`soften_mask`; None for 5 % of the longer side.

    Raises:
        ValueError: Size, classes or values do not fit.
    """
    if not names:
        raise ValueError('Expected at least one class, but got none.')
    if mask.ndim not in (2, 3) or mask.shape[-2:] != tuple(size):
        raise ValueError(
            f'Expected a mask of the size of its image, {size[0]} x {size[1]} (height x width), but got {mask.shape}; '
            'resize it first.'
        )
    if mask.dtype.kind == 'f':
        return _from_soft(mask.astype(np.float32), names)
    if mask.dtype.kind not in 'bui' or mask.ndim != 2:
        raise ValueError(f'Expected integer labels of shape (H, W), but got {mask.dtype} {mask.shape}.')
    values = mask.astype(np.int64)
    if len(names) == 1 and not np.isin(values, (0, 1, VOID)).all():
        if values.min() < 0 or values.max() > VOID:
            raise ValueError(f'Expected labels 0 and 1, or grey levels up to 255, but got up to {values.max()}.')
        if values.max() <= VOID // 2:
            raise ValueError(
                f'Expected labels 0 and 1, or grey levels that exceed {VOID // 2} somewhere, but got up to '
                f'{values.max()}; name every class of a label map, and give an unsure mask as npy.'
            )
        return _from_soft((values / VOID).astype(np.float32), names)
    if len(names) == 1 and not (values == 1).any():
        values = np.minimum(values, 1)
    return _from_hard(values, len(names), SOFT_SHARE * max(size) if soften is None else soften)


def _from_soft(values: np.ndarray, names: Sequence[str]) -> np.ndarray:
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(
            f'Expected probabilities in [0, 1], but got values from {values.min():.4g} to {values.max():.4g}; '
            'logits need a sigmoid or softmax first.'
        )
    stack = values if values.ndim == 3 else values[None]
    if len(stack) == len(names):
        stack = np.concatenate([1 - stack.sum(0, keepdims=True), stack])
        if stack[0].min() < -1e-3:
            raise ValueError(f'Expected probabilities to sum to 1 at most, but got {1 - stack[0].min():.4g}.')
        return np.clip(stack, 0, 1)
    if len(stack) != len(names) + 1:
        raise ValueError(
            f'Expected {len(names)} channels, or {len(names) + 1} with the background, but got {len(stack)}; '
            'name every class.'
        )
    return stack


def _from_hard(labels: np.ndarray, count: int, width: float) -> np.ndarray:
    void = labels == VOID
    known = labels[~void]
    if known.size and (known.min() < 0 or known.max() > count):
        raise ValueError(
            f'Expected labels from 0 to {count} (or 255), one for each named class, but got {known.min()} to '
            f'{known.max()}; name every class.'
        )
    soft = np.stack([soften_mask(labels == c, width) for c in range(count + 1)])
    soft[:, void] = 1
    return soft / soft.sum(0)
