"""Writing files so that a reader, or a later run, never sees half of one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from .shared_files import list_names, retry_stale

PARTIAL_PREFIX = '.partial-'


@retry_stale
def write_atomically(path: Path, write: Callable[[Path], object], tag: str = '') -> int:
    """Let ``write`` fill a temporary file beside ``path``, then rename it, and return its size in bytes.

    The temporary name is fixed and keeps the suffix: a run that was killed while writing overwrites its own
    leftover. Nothing waits for the disk: a power failure can cut a file short, which its size in the manifest
    shows.

    Args:
        path: Where the file shall be.
        write: Gets the temporary path.
        tag: Tells apart processes that may write the same file at the same time.

    Raises:
        OSError: The disk is full, for instance; the temporary file is then removed.
    """
    partial = path.with_name(f'{PARTIAL_PREFIX}{tag}{path.name}')
    try:
        write(partial)
        size = partial.stat().st_size
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return size


@retry_stale
def create_file(path: Path, content: bytes) -> None:
    """Create a file that must not exist: of several processes that try, one succeeds.

    Killed in between, it leaves an empty file.

    Raises:
        FileExistsError: There is one.
    """
    with open(path, 'xb', buffering=0) as handle:
        try:
            handle.write(content)
        except OSError:
            path.unlink()
            raise


def write_bytes(path: Path, content: bytes, tag: str = '') -> int:
    """Write ``content`` to ``path`` atomically and return its size; see :func:`write_atomically`."""
    return write_atomically(path, lambda partial: partial.write_bytes(content), tag)


def partial_paths(folder: Path) -> list[Path]:
    """Return the temporary files in a folder, those that killed processes left too; none where there is no folder."""
    try:
        return sorted(folder / name for name in list_names(folder) if name.startswith(PARTIAL_PREFIX))
    except (FileNotFoundError, NotADirectoryError):
        return []


def encode_png(pixels: np.ndarray) -> bytes:
    """Return the PNG bytes of uint8 ``(H, W, 3)`` RGB or ``(H, W)``; equal pixels give equal bytes.

    Raises:
        ValueError: The array is of another type or shape.
    """
    pixels = np.asarray(pixels)
    colored = pixels.ndim == 3 and pixels.shape[2] == 3
    if pixels.dtype != np.uint8 or not (colored or pixels.ndim == 2) or pixels.size == 0:
        raise ValueError(f'Expected `pixels` as uint8 (H, W) or (H, W, 3), but got {pixels.dtype} {pixels.shape}.')
    return cv2.imencode('.png', np.ascontiguousarray(pixels[..., ::-1]) if colored else pixels)[1].tobytes()
