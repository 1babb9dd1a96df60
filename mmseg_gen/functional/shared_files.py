"""Operations on files that other machines replace or remove, of which a network may say that a handle is stale."""

from __future__ import annotations

import errno
import functools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar('Result')
# Seconds before another look; GlusterFS and SSHFS keep names for 1 s.
_PAUSES = (0.05, 0.2, 1.0)


def retry_stale(function: Callable[..., Result]) -> Callable[..., Result]:
    """Return a function that is called again where it meets a stale handle, for then its names are looked up anew.

    A name whose handle stays stale counts as missing: `FileNotFoundError`.

    Args:
        function: Takes paths; may be called again after an `OSError`.
    """

    @functools.wraps(function)
    def retried(*args: Any, **kwargs: Any) -> Result:
        for pause in _PAUSES:
            try:
                return function(*args, **kwargs)
            except OSError as error:
                if error.errno != errno.ESTALE:
                    raise
            time.sleep(pause)
        try:
            return function(*args, **kwargs)
        except OSError as error:
            if error.errno != errno.ESTALE:
                raise
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), error.filename) from error

    return retried


def file_system(path: Path, table: str = '/proc/mounts') -> str:
    """Return the type of the file system that a path is on, 'nfs4' for instance; '' where the system does not say.

    Args:
        path: Of a file or folder.
        table: The system's list of mounts.
    """
    try:
        lines = Path(table).read_text(encoding='utf-8', errors='replace').splitlines()
    except OSError:
        return ''
    # Of mounts over each other the last one counts; spaces are written as \\040.
    mounts = [(Path(place.replace('\\040', ' ')), kind) for _, place, kind, *_ in map(str.split, lines)]
    above = [(len(place.parts), number, kind) for number, (place, kind) in enumerate(mounts) if _is_in(path, place)]
    return max(above)[2] if above else ''


def _is_in(path: Path, place: Path) -> bool:
    return path.resolve().is_relative_to(place)


exists, is_file, stat = retry_stale(Path.exists), retry_stale(Path.is_file), retry_stale(os.stat)
make_folder, remove, list_names = retry_stale(Path.mkdir), retry_stale(Path.unlink), retry_stale(os.listdir)
open_file, read_bytes = retry_stale(open), retry_stale(Path.read_bytes)
