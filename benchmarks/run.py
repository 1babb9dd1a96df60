"""Run the benchmarks one after the other and print one table of what they measured beside their aims.

    python benchmarks/run.py                                  # all of them, about 15 minutes on two cores
    python benchmarks/run.py --quick                          # smaller forms, a few minutes
    python benchmarks/run.py --only synthesis refinement --json work_dirs/benchmarks.json

Each benchmark is a script of its own, run in a process of its own, and can be run alone; `python benchmarks/gpu.py` is
the one for a CUDA GPU and is not part of the table. The exit status is the number of benchmarks that failed to run; a
missed aim is said in the table and is no failure.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Benchmark:
    """A script, what its last line tells, and what is run with ``--quick``.

    Attributes:
        name: The script without its suffix.
        key: Key of the last line's number.
        aim: 'most' or 'least': the number shall be at most, or at least, the line's ``aim``; '' where it has none.
        says: What the number is.
        quick: Options of the small form; None leaves it out.
        options: Options of the whole form.
    """

    name: str
    key: str
    aim: str
    says: str
    quick: tuple[str, ...] | None = ()
    options: tuple[str, ...] = ()


BENCHMARKS = (
    Benchmark('unet', 'share_of_matmul', '', "UNet's rate over that of a matrix product", ('--repeats', '1')),
    Benchmark('capture', 'ratio', 'most', 'UNet with all attention recorded over the plain UNet', ('--repeats', '3')),
    Benchmark('synthesis', 'generator_share', 'least', "generator's share of a synthesis run", ('--steps', '10')),
    Benchmark('processes', 'ratio', 'least', 'two processes over one', ('--steps', '4', '--rounds', '1')),
    Benchmark('attention_cut', 'ratio', 'most', 'AttentionCut over its bare max-flow', ('--repeats', '3')),
    Benchmark('refinement', 'share_beside_networks', 'most', 'G4Seg beside its networks', ('--scenes', '2')),
    Benchmark('evaluation', 'ratio', 'most', 'scoring masks over reading them', ('--repeats', '5')),
    Benchmark('mean_attention', 'ratio_processor', 'least', 'one time after the other over times in batches', None),
    Benchmark('feature_cache', 'ratio', 'least', 'epoch without over epoch with cached features', None),
    Benchmark('export', 'seconds', 'most', 'COCO export of 10 000 masks, seconds', ('--count', '500')),
    Benchmark('alternatives', 'compared', '', "other packages' jobs compared", ('--repeats', '1')),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmarks; return how many failed to run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser.add_argument('--only', nargs='+', choices=names, default=names, help='which (all)')
    parser.add_argument('--quick', action='store_true', help='smaller forms; leaves out the two longest')
    parser.add_argument('--json', type=Path, help='file for all lines of all benchmarks')
    args = parser.parse_args(argv)
    results: dict[str, dict[str, Any]] = {}
    for benchmark in BENCHMARKS:
        if benchmark.name in args.only and not (args.quick and benchmark.quick is None):
            sys.stderr.write(f'{benchmark.name} ...\n')
            results[benchmark.name] = run(benchmark, args.quick)
    sys.stdout.write(table(results))
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(results, indent=1) + '\n', encoding='utf-8')
    return sum(not result['lines'] for result in results.values())


def run(benchmark: Benchmark, quick: bool) -> dict[str, Any]:
    """Return the lines of one benchmark and the seconds it took; no line and the error where it failed."""
    options = benchmark.quick if quick and benchmark.quick is not None else benchmark.options
    command = [sys.executable, str(FOLDER / f'{benchmark.name}.py'), *options]
    start = time.monotonic()
    environment = {'OMP_NUM_THREADS': '1', **os.environ}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = json_lines(done.stdout)
    # 1 says that an aim was missed.
    error = '' if done.returncode in (0, 1) and lines else done.stderr.strip()[-300:] or f'exit {done.returncode}'
    return {'seconds': round(time.monotonic() - start, 1), 'lines': [] if error else lines, 'error': error}


def json_lines(text: str) -> list[dict[str, Any]]:
    """Return the lines that hold a JSON object; profiles and progress are passed over."""
    found = []
    for line in text.splitlines():
        if line.startswith('{'):
            found.append(json.loads(line))
    return found


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return a Markdown table with one row for each benchmark that was run."""
    rows = ['| Benchmark | What | Measured | Aim | Met |', '|---|---|---|---|---|']
    for benchmark in BENCHMARKS:
        result = results.get(benchmark.name)
        if result is None:
            continue
        if not result['lines']:
            rows.append(f'| `{benchmark.name}` | {benchmark.says} | failed: {result["error"].splitlines()[-1]} | | |')
            continue
        line = result['lines'][-1]
        aim = line.get('aim', line.get('aim_seconds'))
        value = line[benchmark.key]
        sign = {'most': '<=', 'least': '>='}.get(benchmark.aim)
        if sign is None or aim is None:
            rows.append(f'| `{benchmark.name}` | {benchmark.says} | {value:.3g} | | |')
        else:
            met = value <= aim if sign == '<=' else value >= aim
            rows.append(
                f'| `{benchmark.name}` | {benchmark.says} | {value:.3g} | {sign} {aim:g} | {"yes" if met else "no"} |'
            )
    return '\n'.join(rows) + '\n'


if __name__ == '__main__':
    raise SystemExit(main())
