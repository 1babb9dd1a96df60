"""Which processes work on a folder: a file with a heartbeat for each, readable wherever the folder is seen.

Clocks of two machines are never compared: an observer measures, with a clock that nobody sets, how long it sees a
heartbeat stand still. On the same machine a file lock tells at once that a process has ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import re
import secrets
import socket
import threading
import time
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import IO, Any

from mmseg_gen.functional.manifest import finished_names
from mmseg_gen.functional.shared_files import exists, make_folder, open_file, read_bytes, remove

_LOGGER = logging.getLogger(__name__)
# A heartbeat is written in place and in one call; a fixed length leaves no rest of a longer one.
_LENGTH = 4096
# A folder that others remove is there at the next try or the one after; in /proc no folder ever is.
_TRIES = 50


@dataclass(frozen=True)
class Timing:
    """How processes that share a folder watch each other; in seconds.

    Attributes:
        beat: Between two heartbeats.
        expiry: Without a new heartbeat, after which a process counts as dead.
        poll: Between two looks at the others' work, where there is nothing else to do.
        hang: How long a process that lives may hold a unit of work until another one makes it too, where that one
            has made none itself; else five times its own slowest and ``expiry``.
    """

    beat: float = 5.0
    expiry: float = 60.0
    poll: float = 1.0
    hang: float = 600.0


class Presence:
    """This process among those that work on a folder; a context manager.

    Args:
        folder: Where the heartbeats are.
        facts: What to tell the others, as JSON; :meth:`tell` adds to it.
        timing: See :class:`Timing`.
    """

    def __init__(self, folder: Path, facts: dict[str, Any], timing: Timing) -> None:
        host = re.sub(r'[^A-Za-z0-9-]', '-', socket.gethostname())[:64]
        self.id = f'{host}-{os.getpid()}-{secrets.token_hex(4)}'
        self._path = folder / f'{self.id}.json'
        self._facts = {'host': host, 'pid': os.getpid(), 'boot': boot_id(), 'beat': 0, **facts}
        self._seconds = timing.beat
        self._over, self._telling = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._keep_beating, name='heartbeat', daemon=True)

    def __enter__(self) -> Presence:
        self._file = self._register()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()
        remove(self._path, missing_ok=True)
        _close(self._file)

    def tell(self, **facts: Any) -> None:
        """Let the next heartbeat say this too."""
        with self._telling:
            self._facts = {**self._facts, **facts}

    def _register(self) -> FileIO:
        """Create the file; it is locked before it says anything."""
        for _ in range(_TRIES):
            # Who leaves meanwhile removes empty folders, and files that are not locked yet as those of the dead.
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                make_folder(self._path.parent, parents=True, exist_ok=True)
                handle = open_file(self._path, 'xb', buffering=0)
                self.tell(locked=_lock(handle))
                if exists(self._path):
                    break
                _close(handle)
        else:
            folder = self._path.parent
            raise FileNotFoundError(
                f'Expected a folder in which files can be created, but got {folder}; choose another.'
            )
        try:
            self._write(handle)
        except OSError:
            self._path.unlink()
            raise
        return handle

    def _keep_beating(self) -> None:
        while not self._over.wait(self._seconds):
            try:
                if not exists(self._path):
                    # Taken for dead, after this machine had stood still.
                    _close(self._file)
                    self._file = self._register()
                self.tell(beat=self._facts['beat'] + 1)
                self._write(self._file)
            except OSError as error:
                _LOGGER.warning('No heartbeat could be written: %s', error)

    def _write(self, handle: FileIO) -> None:
        os.pwrite(handle.fileno(), json.dumps(self._facts).encode('ascii').ljust(_LENGTH), 0)
        os.fsync(handle.fileno())


@dataclass(frozen=True)
class Sighting:
    """What an observer knows of a process.

    Attributes:
        dead: Whether it has ended or stands still.
        certain: Whether it is known to live: its heart was seen beating, or it holds its lock.
        silent: Seconds for which the observer has seen no new heartbeat.
        facts: What it tells.
    """

    dead: bool
    certain: bool
    silent: float
    facts: dict[str, Any]


class Watch:
    """Observes the processes that work on a folder.

    Args:
        folder: Where the heartbeats are.
        timing: See :class:`Timing`.
    """

    def __init__(self, folder: Path, timing: Timing) -> None:
        self._folder, self._expiry = folder, timing.expiry
        self._seen: dict[str, tuple[bytes, float, bool]] = {}

    def ids(self) -> list[str]:
        """Return the processes that have a heartbeat file, alive or not."""
        return [name[: -len('.json')] for name in finished_names(self._folder)]

    def look(self, worker: str) -> Sighting:
        """Return what is known of a process by now."""
        path = self._folder / f'{worker}.json'
        try:
            content = read_bytes(path)
        except OSError:
            return Sighting(dead=True, certain=True, silent=0.0, facts={})
        now = time.monotonic()
        before, since, beating = self._seen.get(worker, (content, now, False))
        if content != before:
            since, beating = now, True
        self._seen[worker] = (content, since, beating)
        facts, locked = _facts(content), None
        if facts.get('locked') and facts.get('boot') == boot_id():
            locked = _is_locked(path)
        silent = now - since
        dead = locked is False or silent >= self._expiry
        return Sighting(dead, certain=dead or beating or bool(locked), silent=silent, facts=facts)

    def forget_dead(self) -> None:
        """Remove the heartbeat files of dead processes, and of those that died before they wrote any."""
        for worker in self.ids():
            sighting, path = self.look(worker), self._folder / f'{worker}.json'
            if sighting.dead:
                remove(path, missing_ok=True)
            elif not sighting.facts:
                with contextlib.suppress(OSError), open_file(path, 'rb') as handle:
                    # Under the lock, so that no process can take the file for its own.
                    if _lock(handle):
                        remove(path, missing_ok=True)


def boot_id() -> str:
    """Return what names the running kernel, or the host where the system does not say."""
    with contextlib.suppress(OSError):
        return Path('/proc/sys/kernel/random/boot_id').read_text(encoding='ascii').strip()
    return socket.gethostname()


def _facts(content: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(content)
    except ValueError:
        facts = None
    return facts if isinstance(facts, dict) else {}


def _close(handle: FileIO) -> None:
    """Close a file that others may have removed, over which a network file system may complain."""
    with contextlib.suppress(OSError):
        handle.close()


def _lock(handle: IO[bytes]) -> bool:
    """Lock a file and return whether that could be done: it is another's, or the file system has no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_locked(path: Path) -> bool | None:
    """Return whether another process holds the lock of a file; None where that cannot be said."""
    try:
        with open(path, 'rb') as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False
