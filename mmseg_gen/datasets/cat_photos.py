"""Rendered cats with exact masks: the photographs of the world that the embedded StyleGAN2 draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from mmseg_gen.functional.writing import encode_png, write_bytes
from mmseg_gen.generators.embedded.cat_factors import NAMES
from mmseg_gen.generators.embedded.cats import render_cats

SPLITS = {'train': 2_000_000, 'test': 1_000_000}


def cat_photo(number: int, split: str = 'test', size: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Return a cat as RGB uint8 ``(S, S, 3)`` and its mask, uint8 ``(S, S)`` of 0 and 1; a function of the arguments.

    Args:
        number: From 0 on.
        split: 'train' or 'test'; they share no cat.
        size: S in pixels.

    Raises:
        ValueError: ``split`` is another word.
    """
    if split not in SPLITS:
        raise ValueError(f'Expected `split` from {", ".join(SPLITS)}, but got {split!r}.')
    factors = np.random.default_rng([SPLITS[split], number]).random(len(NAMES), np.float32)
    images, labels = render_cats(torch.from_numpy(factors)[None], size)
    pixels = ((images[0] + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return pixels.permute(1, 2, 0).numpy(), (labels[0] > 0).to(torch.uint8).numpy()


def write_cat_photos(root: str | Path, count: int, *, split: str = 'test', size: int = 64) -> None:
    """Write cats for ``FolderDataset``: ``SPLIT/images/cat_000000.png``, ``SPLIT/masks/cat_000000.png`` (0 and 255).

    Files that are there are left as they are, so an interrupted run goes on; a larger ``count`` adds cats.

    Args:
        root: Folder of the data set.
        count: Number of cats, at least 1.
        split: 'train' or 'test'.
        size: Side in pixels.

    Raises:
        ValueError: An argument is out of range.
    """
    if count < 1:
        raise ValueError(f'Expected `count` to be 1 or more, but got {count}.')
    images, masks = (Path(root) / split / kind for kind in ('images', 'masks'))
    for folder in (images, masks):
        folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        name = f'cat_{number:06d}.png'
        if (images / name).is_file() and (masks / name).is_file():
            continue
        image, mask = cat_photo(number, split, size)
        write_bytes(masks / name, encode_png(mask * np.uint8(255)))
        write_bytes(images / name, encode_png(image))
