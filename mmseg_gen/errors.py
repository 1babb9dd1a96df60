"""Errors that a user can mend, and how the command-line tools report them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

USER_ERROR, INTERRUPTED = 2, 130


class UserError(ValueError):
    """Something the user can mend; the message is one sentence that names the thing and the cure."""


class Undecided(ValueError):
    """A sample that a method leaves without a label by its own rule: no failure, but counted and listed as dropped."""


def run_reporting(program: str, action: Callable[[], int | None]) -> int:
    """Run an action and return its exit status; report errors the user can mend as one line on stderr.

    `ValueError` (and so `UserError`) and `OSError` (a missing file, a full disk) give status 2, an
    interruption from the keyboard 130; any other exception is a defect and keeps its traceback. With
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
    except (ValueError, OSError) as error:
        if os.environ.get('MMSEG_GEN_TRACEBACK') == '1':
            raise
        text = ' '.join(str(error).split()) or type(error).__name__
        sys.stderr.write(f'{program}: error: {text}\n')
        return USER_ERROR
