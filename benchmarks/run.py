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
import resource
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
        floor: What it is measured against, or what cannot be bettered; a line's own ``floor`` comes before it.
        quick: Options of the small form; None leaves it out.
        options: Options of the whole form.
    """

    name: str
    key: str
    aim: str
    says: str
    floor: str
    quick: tuple[str, ...] | None = ()
    options: tuple[str, ...] = ()


SMALL_GAN = ('--size', '256', '--count', '10')
BENCHMARKS = (
    Benchmark('unet', 'share_of_matmul', '', "UNet's rate over a product's", '1: the product', ('--repeats', '1')),
    Benchmark('capture', 'ratio', 'most', 'UNet with all attention recorded', '1: the plain UNet', ('--repeats', '3')),
    Benchmark('compiled', 'ratio', '', 'pass under torch.compile over a plain one', '', ('--forms', 'block')),
    Benchmark('number_formats', 'ratio', '', 'AttentionCut in bfloat16 over float32', '', ('--scenes', '4')),
    Benchmark('synthesis', 'generator_share', 'least', "generator's share of a synthesis", '1', ('--steps', '10')),
    Benchmark('processes', 'ratio', 'least', 'two processes over one', '2', ('--steps', '4', '--rounds', '1')),
    Benchmark('attention_cut', 'ratio', 'most', 'AttentionCut', '1: its bare max-flow', ('--repeats', '3')),
    Benchmark('refinement', 'share_beside_networks', 'most', 'G4Seg beside its networks', '0', ('--scenes', '2')),
    Benchmark('style_mixing', 'clustering_share', 'most', "labelling's share of style mixing", '0', SMALL_GAN),
    Benchmark('evaluation', 'ratio', 'most', 'scoring masks', '1: reading them', ('--repeats', '5')),
    Benchmark('mean_attention', 'ratio_processor', 'least', 'one time after the other', '1: times in batches', None),
    Benchmark('feature_cache', 'ratio', 'least', 'epoch without cached features', '1: with them', None),
    Benchmark('export', 'seconds', 'most', 'COCO export, seconds', '', ('--count', '500')),
    Benchmark('alternatives', 'compared', '', "other packages' jobs compared", '', ('--repeats', '1')),
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
    """Return the lines of one benchmark and the time it took; no line and the error where it failed."""
    options = benchmark.quick if quick and benchmark.quick is not None else benchmark.options
    command = [sys.executable, str(FOLDER / f'{benchmark.name}.py'), *options]
    start, before = time.monotonic(), processor_seconds()
    environment = {'OMP_NUM_THREADS': '1', **os.environ}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = json_lines(done.stdout)
    # 1 says that an aim was missed.
    error = '' if done.returncode in (0, 1) and lines else done.stderr.strip()[-300:] or f'exit {done.returncode}'
    times = {'seconds': round(time.monotonic() - start, 1), 'processor_s': round(processor_seconds() - before, 1)}
    return {**times, 'lines': [] if error else lines, 'error': error}


def processor_seconds() -> float:
    """Return the processor time of all processes that were started here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def json_lines(text: str) -> list[dict[str, Any]]:
    """Return the lines that hold a JSON object; profiles and progress are passed over."""
    found = []
    for line in text.splitlines():
        if line.startswith('{'):
            found.append(json.loads(line))
    return found


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return a Markdown table with one row for each benchmark that was run."""
    rows = ['| Benchmark | What | Measured | Floor | Aim | Met | Processor, s |', '|---|---|---|---|---|---|---|']
    for benchmark in BENCHMARKS:
        result = results.get(benchmark.name)
        if result is not None:
            cells = [f'`{benchmark.name}`', benchmark.says, *measured(benchmark, result)]
            cells.append(f'{result["processor_s"]:.0f}')
            rows.append(f'|{"|".join(f" {cell} " if cell else " " for cell in cells)}|')
    return '\n'.join(rows) + '\n'


def measured(benchmark: Benchmark, result: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return the number, its floor, its aim and whether it was met, as text."""
    if not result['lines']:
        return f'failed: {result["error"].splitlines()[-1]}', '', '', ''
    line = result['lines'][-1]
    value, aim = line[benchmark.key], line.get('aim', line.get('aim_seconds'))
    floor = f'{line["floor"]:.3g}' if 'floor' in line else benchmark.floor
    sign = {'most': '<=', 'least': '>='}.get(benchmark.aim)
    if sign is None or aim is None:
        return f'{value:.3g}', floor, '', ''
    met = value <= aim if sign == '<=' else value >= aim
    return f'{value:.3g}', floor, f'{sign} {aim:g}', 'yes' if met else 'no'


if __name__ == '__main__':
    raise SystemExit(main())
