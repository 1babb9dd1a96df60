"""Files of arrays, written atomically and read without ever unpickling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np

from .writing import write_atomically

_T = TypeVar('_T')


def write_array(path: str | Path, array: np.ndarray) -> None:
    """Write an npy file under a temporary name, then rename it to ``path``."""

    def write(partial: Path) -> None:
        with partial.open('wb') as file:
            np.save(file, array, allow_pickle=False)

    write_atomically(Path(path), write)


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a compressed npz file under a temporary name, then rename it to ``path``."""

    def write(partial: Path) -> None:
        with partial.open('wb') as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    write_atomically(Path(path), write)


def read_arrays(path: str | Path, build: Callable[[dict[str, np.ndarray]], _T], what: str) -> _T:
    """Return what ``build`` makes of the arrays of an npz file.

    Args:
        path: From :func:`write_arrays`.
        build: Gets the arrays by name; whatever it raises means that the file holds something else.
        what: What the file should hold, for the error.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, or ``build`` refuses it.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return build({name: archive[name] for name in archive.files})
    except FileNotFoundError:
        raise
    except Exception as error:  # zipfile, zlib and numpy each raise their own on a damaged file
        raise ValueError(f'Expected {what}, but got {path}: {error}') from error
