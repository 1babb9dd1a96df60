"""Being told to end: a signal as an exception, so that a process leaves its shared folder in order."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """Inside the block, let SIGTERM raise `SystemExit`: torchrun and Slurm end innocent processes with it, too.

    Nothing changes in a thread, where Python sets no signals, and where the program handles the signal itself. The
    exit status is that of a process that the signal ends: 143.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
