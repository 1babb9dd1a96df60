"""Errors that a user can mend, and how the command-line tools report them."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

FAILED, USER_ERROR, INTERRUPTED = 1, 2, 130
# What the system's own words for a path leave out: what to do.
_PATH_ERRORS = {
    errno.ENOENT: 'there is none: check the path',
    errno.EEXIST: 'something is there already: move it away, or name another path',
    errno.ENOTDIR: 'one of its folders is a file: name another path',
    errno.EISDIR: 'it is a folder: name a file',
    errno.EACCES: 'permission is denied: change its rights, or name another path',
    errno.EPERM: 'permission is denied: change its rights, or name another path',
    errno.EROFS: 'its disk is read-only: name another path',
    errno.ENOSPC: 'its disk is full: free some space and start again',
    errno.ENAMETOOLONG: 'its name is too long: name another path',
}


class UserError(ValueError):
    """Something the user can mend; the message is one sentence that names the thing and the cure."""


class Incomplete(UserError):
    """All was done but for parts that failed and are named."""


class Undecided(ValueError):
    """A sample that a method leaves without a label by its own rule: no failure, but counted and listed as dropped."""


def check_counts(args: argparse.Namespace, *names: str) -> None:
    """Check that arguments of a command, where they are given, are at least 1.

    Args:
        args: Parsed arguments.
        names: Of integer arguments, as attributes: ``num_samples`` for ``--num-samples``.

    Raises:
        UserError: One is below.
    """
    for name in names:
        value = getattr(args, name)
        if value is not None and value < 1:
            raise UserError(f'Expected --{name.replace("_", "-")} of at least 1, but got {value}.')


def check_folder(path: Path, argument: str) -> None:
    """Check that there is a folder at a path, or that one can be made there.

    Args:
        path: Of the folder.
        argument: What the command calls it, such as ``--out``.

    Raises:
        UserError: It, or a folder above it, is a file.
    """
    file = next((own for own in (path, *path.parents) if own.is_file()), None)
    if file is not None:
        raise UserError(f'Expected {argument} to be a folder, but {file} is a file.')


def one_line(error: BaseException) -> str:
    """Return an error's text in one line: for a path that the system refuses, which one and what to do about it."""
    if isinstance(error, OSError) and error.errno in _PATH_ERRORS:
        return f'Expected to read or write {error.filename or "a file"}, but {_PATH_ERRORS[error.errno]}.'
    return ' '.join(str(error).split()) or type(error).__name__


def run_reporting(program: str, action: Callable[[], int | None]) -> int:
    """Run an action and return its exit status; report errors the user can mend as one line on stderr.

    `ValueError` (and so `UserError`), `OSError` (a missing file, a full disk) and a `TypeError` that says what it
    "but got" (a text for a number in a config) give status 2, as does a package that is not installed; an interruption
    from the keyboard gives 130, `Incomplete` 1. Any other exception is a defect and keeps its traceback. With
    ``MMSEG_GEN_TRACEBACK=1`` in the environment every exception keeps it.

    Args:
        program: Name that begins the line, ``mmseg-gen`` for instance.
        action: Function without arguments; None counts as status 0.
    """
    try:
        return action() or 0
    except KeyboardInterrupt:
        sys.stderr.write(f'{program}: interrupted\n')
        return INTERRUPTED
    except (ValueError, OSError, TypeError, ModuleNotFoundError) as error:
        if _is_defect(error) or os.environ.get('MMSEG_GEN_TRACEBACK') == '1':
            raise
        sys.stderr.write(f'{program}: error: {one_line(error)}\n')
        return FAILED if isinstance(error, Incomplete) else USER_ERROR


def _is_defect(error: Exception) -> bool:
    if isinstance(error, ModuleNotFoundError):
        return (error.name or 'mmseg_gen').partition('.')[0] == 'mmseg_gen'
    return isinstance(error, TypeError) and 'but got' not in str(error)
