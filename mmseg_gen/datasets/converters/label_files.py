"""Writing many label maps so that an interrupted run goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mmseg_gen.errors import UserError
from mmseg_gen.functional.writing import encode_png, write_bytes


@dataclass(frozen=True)
class Written:
    """How many files a conversion wrote, and how many were there and were left as they are."""

    written: int
    kept: int


def write_label_maps(folder: Path, names: Sequence[str], draw: Callable[[str], np.ndarray]) -> Written:
    """Write ``folder/NAME.png`` for each name, grey PNGs of class ids, with a progress bar.

    Files that are there are left as they are. Each file appears at once, so one that is there is complete.

    Args:
        folder: Made where it is missing.
        names: File names without suffix.
        draw: Gets a name, returns its labels, uint8 ``(H, W)``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not (folder / f'{name}.png').is_file()]
    for name in tqdm(missing, unit='map', initial=len(names) - len(missing), total=len(names)):
        write_bytes(folder / f'{name}.png', encode_png(draw(name)))
    return Written(len(missing), len(names) - len(missing))


def write_once(path: Path, content: bytes) -> None:
    """Write a file, or leave one of the same content as it is.

    Raises:
        UserError: There is one of another content, which is not overwritten.
    """
    if path.is_file():
        if path.read_bytes() != content:
            raise UserError(
                f'Expected to write {path}, but there is one of other content: move it away, or choose another name.'
            )
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, content)
