"""``mmseg-gen status``: how far a data set is."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_gen.errors import UserError

if TYPE_CHECKING:
    from mmseg_gen.engine.status import Status

UNFINISHED = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``status``."""
    parser.add_argument('folder', type=Path, metavar='DIR', help='folder of the data set')
    parser.add_argument(
        '--watch',
        nargs='?',
        type=float,
        const=5.0,
        metavar='SECONDS',
        help='look again every so many seconds (%(const)s by default) until nobody works on it',
    )
    parser.add_argument('--json', action='store_true', help='write one line of JSON for each look')


def run(args: argparse.Namespace) -> int:
    """Write the state and return 0 where the set is complete or at work, 3 where it waits to be gone on with.

    Raises:
        UserError: There is no data set in this folder, or --watch is not positive.
    """
    from mmseg_gen.engine.status import Observer

    if args.watch is not None and not args.watch > 0:
        raise UserError(f'Expected --watch of more than 0 seconds, but got {args.watch}.')
    observer = Observer(args.folder)
    while True:
        status = observer.look()
        sys.stdout.write(_as_json(status) if args.json else _as_text(status))
        sys.stdout.flush()
        if args.watch is None or status.state != 'running':
            return UNFINISHED if status.state in ('empty', 'interrupted') else 0
        time.sleep(args.watch)


def _as_json(status: Status) -> str:
    return json.dumps({**asdict(status), 'done': status.done}) + '\n'


def _as_text(status: Status) -> str:
    share = f'{status.done / status.total:.0%}' if status.total else '0%'
    line = f'{status.state}: {status.done} of {status.total} ({share}): {status.kept} kept, {status.dropped} dropped, '
    line += f'{status.failed} failed'
    if status.rate is not None and status.seconds_left is not None:
        line += f'; {status.rate:.3g} samples/s, {_duration(status.seconds_left)} left'
    failures = [f'  failed {count}: {reason}' for reason, count in status.failures.items()]
    return '\n'.join([line, *failures, *(_about(worker) for worker in status.workers)]) + '\n'


def _about(worker: Mapping[str, Any]) -> str:
    sign = 'alive' if worker['alive'] else 'lost '
    silent = f', no heartbeat for {worker["silent"]:.0f} s' if worker['silent'] >= 1 else ''
    return (
        f'  {sign} {worker["host"]} process {worker["pid"]}: {worker["made"] or 0} made, '
        f'at {worker["doing"] or "start"}{silent}'
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours} h {minutes:02d} min' if hours else f'{minutes} min {rest:02d} s'
