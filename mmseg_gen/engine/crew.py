"""The processes that share a folder's work: each takes one unit after another until all are made, by whomever.

They need no other connection than the folder, whether a launcher, Ray or hands started them, at once or one by one.
A unit whose holder has died is made by another; one whose holder hangs, after a while. How many holders a unit has lost
stands in its lease: who claims it may give it up instead.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_gen.engine.leases import LEASE_FOLDERS, Lease, LeaseLost, Leases, in_folder
from mmseg_gen.engine.presence import Presence, Timing, Watch
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import PARTS_FOLDER, RUN_NAME, WORK_FOLDER, WORKERS_FOLDER
from mmseg_gen.functional.shared_files import file_system
from mmseg_gen.functional.writing import write_bytes

_LOGGER = logging.getLogger(__name__)
_SSHFS = '%s is mounted by SSHFS, which shows machines different contents: let only one machine work on it'
_LAST_UNIT = '~settle'
# Interrupted, told to end, or for a reason that has a cure, such as a full disk; others may be the unit's doing.
_IN_ORDER = (KeyboardInterrupt, SystemExit, GeneratorExit, ValueError, OSError)


class Crew:
    """This process as one of those that share a folder's work; a context manager.

    Args:
        root: The shared folder.
        run: What is made, as JSON: all who share a folder must make the same.
        timing: How they watch each other; None for the defaults.

    Attributes:
        last_made: What :meth:`made` returned last.

    Raises:
        UserError: Others are making something else there.
    """

    def __init__(self, root: Path, run: Mapping[str, Any], timing: Timing | None = None) -> None:
        self._timing, self._run = timing or Timing(), dict(run)
        workers = root / WORK_FOLDER / WORKERS_FOLDER
        self._presence = Presence(workers, {'run': self._run}, self._timing)
        self._watch = Watch(workers, self._timing)
        self._leases = Leases(root, self._presence.id)
        self._first_seen: dict[tuple[str, int], float] = {}
        self._claimed: list[Lease] = []
        self._slowest: float | None = None
        self.last_made: dict[str, int] = {}

    def __enter__(self) -> Crew:
        if file_system(self._leases.work.parent) == 'fuse.sshfs':
            _LOGGER.warning(_SSHFS, self._leases.work.parent)
        self._presence.__enter__()
        try:
            self._refuse_other_runs()
            path, content = self._leases.work / RUN_NAME, json.dumps(self._run).encode('utf-8')
            in_folder(path, lambda: write_bytes(path, content, self.tag))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None = None, *exception: object) -> None:
        if kind is not None and issubclass(kind, _IN_ORDER):
            self._give_back()
        self._presence.__exit__()
        self._watch.forget_dead()
        if not self._watch.ids() and not self._leases.held():
            # Written by a process that came when all was done.
            (self._leases.work / RUN_NAME).unlink(missing_ok=True)
        for folder in (*LEASE_FOLDERS, PARTS_FOLDER, WORKERS_FOLDER, ''):
            # The last one to leave finds them empty.
            with contextlib.suppress(OSError):
                (self._leases.work / folder).rmdir()

    @property
    def tag(self) -> str:
        """Prefix that keeps this process's temporary files apart from others'."""
        return f'{self._presence.id}-'

    def has_others(self) -> bool:
        """Return whether another process is at work in the folder."""
        return any(not self._watch.look(worker).dead for worker in self._others())

    def tell(self, **facts: Any) -> None:
        """Let ``mmseg-gen status`` know something of this process."""
        self._presence.tell(**facts)

    def made(self) -> dict[str, int]:
        """Return the units that are made, each with the generation of its lease."""
        self.last_made = self._leases.made()
        return self.last_made

    def hand_out(self, units: Sequence[str], again: Mapping[str, int] | None = None) -> Iterator[Lease | None]:
        """Yield leases of units, those first that nobody has begun, until all are made.

        Yields None where all that is left is in other hands, or in the caller's: it finishes what it has.

        Args:
            units: Names of units; they become file names.
            again: Units that are made, with the generation that was, but have to be made again.
        """
        waiting, again, lease, looked = list(units), dict(again or {}), None, -math.inf
        held, seen = dict[str, int](), set[str]()
        while True:
            # Between two looks a claim that comes too late fails, and does no harm.
            if lease is None or time.monotonic() - looked > self._timing.poll:
                seen.update(held)
                made, held, looked = self.made(), self._leases.held(), time.monotonic()
                # A lease that is gone was cleared away by others, after all was made.
                waiting = [u for u in waiting if made.get(u, -1) <= again.get(u, -1) and (u in held or u not in seen)]
                if not waiting:
                    return
            started, lease = time.monotonic(), self._claim_one(waiting, held, again)
            yield lease
            if lease is not None:
                self._slowest = max(self._slowest or 0.0, time.monotonic() - started)
            elif len(self.made()) == len(made):
                time.sleep(self._timing.poll)

    def settle(self, action: Callable[[Lease], None]) -> None:
        """Let one process do what comes last and remove the traces of the work; return when that is done.

        Args:
            action: Gets the lease to check before it writes; may be done again after a process died in it.
        """
        while True:
            lease = self._claim_one([_LAST_UNIT], self._leases.held(), {})
            if lease is not None:
                with contextlib.suppress(LeaseLost):
                    action(lease)
                    lease.check()
                    self._leases.clear()
                    return
            time.sleep(self._timing.poll)
            if not self._leases.held():
                return

    def _claim_one(self, units: Sequence[str], held: dict[str, int], again: Mapping[str, int]) -> Lease | None:
        """Claim one of these units; ``held`` learns who has it now."""
        begun = []
        for unit in units:
            if held.get(unit, -1) > again.get(unit, -1):
                begun.append(unit)
            elif lease := self._claim(unit, held, again):
                return lease
        for unit in begun:
            if self._is_abandoned(unit, held[unit]) and (lease := self._claim(unit, held, again)):
                return lease
        return None

    def _claim(self, unit: str, held: dict[str, int], again: Mapping[str, int]) -> Lease | None:
        held[unit] = held.get(unit, -1) + 1
        lease = self._leases.claim(unit, held[unit], again.get(unit, -1) + 1)
        if lease is not None:
            self._claimed.append(lease)
            self.tell(doing=unit)
        return lease

    def _give_back(self) -> None:
        made = self.made()
        for lease in self._claimed:
            if made.get(lease.unit, -1) < lease.generation and not lease.lost:
                # Where this cannot be written it counts as lost.
                with contextlib.suppress(OSError):
                    lease.give_back()

    def _is_abandoned(self, unit: str, generation: int) -> bool:
        owner, now = self._leases.owner(unit, generation), time.monotonic()
        held = now - self._first_seen.setdefault((unit, generation), now)
        if owner is None or owner == self._presence.id:
            return False
        if not owner:
            return held > self._timing.expiry
        patience = self._timing.hang if self._slowest is None else self._timing.expiry + 5 * self._slowest
        return self._watch.look(owner).dead or held > patience

    def _others(self) -> list[str]:
        return [worker for worker in self._watch.ids() if worker != self._presence.id]

    def _refuse_other_runs(self) -> None:
        while True:
            sightings = [self._watch.look(worker) for worker in self._others()]
            other = [s for s in sightings if not s.dead and s.facts and s.facts.get('run') != self._run]
            for sighting in other:
                if sighting.certain:
                    raise UserError(_refusal(self._run, sighting.facts))
            if not other:
                return
            # Of a process on another machine: whether its heart beats shows in time.
            time.sleep(self._timing.poll)


def _refusal(mine: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    theirs = facts.get('run') or {}
    name = next(key for key in [*mine, *theirs, 'run'] if mine.get(key) != theirs.get(key))
    return (
        f'Expected all processes in one folder to make the same, but process {facts.get("pid")} on {facts.get("host")} '
        f'works there with {name} = {theirs.get(name)}, not {mine.get(name)}; wait for it, or choose another folder.'
    )
