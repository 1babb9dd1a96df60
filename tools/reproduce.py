"""Run a table of results on the embedded world from committed configs, or write docs/results.md from all of them."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_gen.errors import UserError, run_reporting


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('table', nargs='*', metavar='TABLE', help='names of tables, run in turn; see --list')
    parser.add_argument('--quick', action='store_true', help='the same on fewer samples')
    parser.add_argument('--render', action='store_true', help='write results.md beside the folder of --out')
    parser.add_argument('--list', action='store_true', help='list the tables and do nothing else')
    parser.add_argument('--out', type=Path, default=Path('docs/results'), help='folder of the documents TABLE.json')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/reproduce'), help='rows, sets, trained models')
    args = parser.parse_args(argv)
    return run_reporting('reproduce.py', lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    from mmseg_gen.tables.catalogue import load_table, table_names
    from mmseg_gen.tables.rendering import render_results
    from mmseg_gen.tables.running import run_table

    if args.list:
        for name in table_names():
            print(f'{name:24s}{load_table(name).TITLE}')
        return 0
    if not args.table and not args.render:
        raise UserError(f'Expected the name of a table, or --render. There are: {", ".join(table_names())}.')
    if args.table:
        # A folder that cannot be is told before the long work.
        args.out.mkdir(parents=True, exist_ok=True)
    for name in args.table:
        print(run_table(name, quick=args.quick, out=args.out, work_dir=args.work_dir))
    if args.render:
        print(render_results(args.out))
    return 0


if __name__ == '__main__':
    sys.exit(main())
