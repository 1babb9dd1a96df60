"""How far a data set is, from any machine that sees its folder; nothing is written."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_gen.engine.concepts.stage import STAGE
from mmseg_gen.engine.presence import Sighting, Timing, Watch
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import KEPT, META_NAME, RUN_NAME, WORK_FOLDER, WORKERS_FOLDER, read_manifest

# Reasons of dropped samples that begin so are failures, not decisions of a filter.
_FAILED = 'failed: '


@dataclass(frozen=True)
class Status:
    """State of a data set.

    Attributes:
        state: 'empty', 'running', 'interrupted' or 'complete'.
        total: Samples that the run asks for; those that are there where no run is under way.
        kept: Samples to train on.
        dropped: Samples that a filter dropped.
        failed: Samples that could not be made.
        rate: Samples per second of all processes together; None where none is at work or has made any.
        seconds_left: Expected seconds to the end at this rate; None where there is no rate.
        workers: What each process at work, or lost, tells, and ``alive`` and ``silent`` (seconds without heartbeat).
        failures: Why samples failed, and how many.
    """

    state: str
    total: int
    kept: int
    dropped: int
    failed: int
    rate: float | None
    seconds_left: float | None
    workers: list[dict[str, Any]]
    failures: dict[str, int]

    @property
    def done(self) -> int:
        """Number of samples that need no more work."""
        return self.kept + self.dropped + self.failed


class Observer:
    """Looks at a data set again and again.

    Args:
        root: Its folder.
        timing: How its processes watch each other.

    Raises:
        UserError: There is no data set in this folder.
    """

    def __init__(self, root: Path, timing: Timing | None = None) -> None:
        if (root / STAGE).is_file():
            raise UserError(
                f'Expected a data set of `mmseg-gen synthesize` in {root}, but got labelled photos; `mmseg-gen report` '
                'counts their outcomes.'
            )
        if not any((root / name).exists() for name in (META_NAME, WORK_FOLDER, 'manifest.jsonl')):
            raise UserError(f'Expected a data set of `mmseg-gen synthesize` in {root}, but got none.')
        self._root, self._timing = root, timing or Timing()
        self._watch = Watch(root / WORK_FOLDER / WORKERS_FOLDER, self._timing)

    def look(self) -> Status:
        """Return the state by now.

        Whether a process on another machine lives only shows between two looks; the first one waits for two heartbeats
        if there is such a process.
        """
        sightings = self._sightings()
        if any(not sighting.certain for sighting in sightings.values()):
            time.sleep(2 * self._timing.beat)
            sightings = self._sightings()
        entries = read_manifest(self._root)
        kept = sum(entry.status == KEPT for entry in entries)
        failures = Counter(e.reason.removeprefix(_FAILED) for e in entries if e.reason.startswith(_FAILED))
        failed = sum(failures.values())
        alive = [sighting.facts for sighting in sightings.values() if _is_alive(sighting)]
        total = max(len(entries), self._asked())
        rate = _rate(alive)
        return Status(
            state=_state(len(entries), total, bool(alive)),
            total=total,
            kept=kept,
            dropped=len(entries) - kept - failed,
            failed=failed,
            rate=rate,
            seconds_left=(total - len(entries)) / rate if rate else None,
            workers=[_told(worker, sighting) for worker, sighting in sightings.items()],
            failures=dict(failures),
        )

    def _sightings(self) -> dict[str, Sighting]:
        return {worker: self._watch.look(worker) for worker in self._watch.ids()}

    def _asked(self) -> int:
        try:
            run = json.loads((self._root / WORK_FOLDER / RUN_NAME).read_text(encoding='utf-8'))
            return int(run['samples'])
        except (OSError, ValueError, KeyError, TypeError):
            return 0


def _is_alive(sighting: Sighting) -> bool:
    return sighting.certain and not sighting.dead


def _state(done: int, total: int, alive: bool) -> str:
    if alive:
        return 'running'
    if not done:
        return 'empty'
    return 'interrupted' if done < total else 'complete'


def _rate(facts: Sequence[dict[str, Any]]) -> float | None:
    rates = [fact['made'] / fact['seconds'] for fact in facts if fact.get('made') and fact.get('seconds')]
    return sum(rates) if rates else None


def _told(worker: str, sighting: Sighting) -> dict[str, Any]:
    facts = {key: sighting.facts.get(key) for key in ('host', 'pid', 'doing', 'made', 'seconds')}
    return {'id': worker, 'alive': _is_alive(sighting), 'silent': round(sighting.silent, 1), **facts}
