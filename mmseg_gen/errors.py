"""Errors that a user can mend, and how the command-line tools report them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

FAILED, USER_ERROR, INTERRUPTED = 1, 2, 130


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
        text = ' '.join(str(error).split()) or type(error).__name__
        sys.stderr.write(f'{program}: error: {text}\n')
        return FAILED if isinstance(error, Incomplete) else USER_ERROR


def _is_defect(error: Exception) -> bool:
    if isinstance(error, ModuleNotFoundError):
        return (error.name or 'mmseg_gen').partition('.')[0] == 'mmseg_gen'
    return isinstance(error, TypeError) and 'but got' not in str(error)
