"""``mmseg-gen doctor``: what is installed, what is at hand, and what each config still needs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from mmseg_gen.cli.health import Finding, State

_MARKS = {State.GOOD: 'ok', State.NOTE: '--', State.PROBLEM: 'XX'}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``mmseg-gen doctor``."""
    parser.add_argument(
        'configs',
        nargs='*',
        type=Path,
        help='configs to check; what these lack counts as a problem. Default: a survey of ./configs',
    )


def run(args: argparse.Namespace) -> int:
    """Write the report and return 0 where all is healthy, else 1."""
    from mmseg_gen.cli import health

    libraries = health.library_findings()
    sections = {
        'Libraries': libraries,
        'Devices': health.device_findings(),
        'Embedded weights': health.embedded_findings(),
        'Hugging Face cache': health.cache_findings(),
    }
    if any(finding.state is State.PROBLEM for finding in libraries):
        sections['Configs'] = [Finding(State.NOTE, 'not checked: mend the libraries first')]
    else:
        sections['Configs'] = _config_findings(args.configs)
    for title, findings in sections.items():
        _write(title, findings)
    problems = sum(finding.state is State.PROBLEM for findings in sections.values() for finding in findings)
    sys.stdout.write(f'\n{problems} problem(s)\n' if problems else '\nhealthy\n')
    return int(problems > 0)


def _config_findings(asked: list[Path]) -> list[Finding]:
    from mmseg_gen.cli.config_needs import config_findings, survey

    if asked:
        return [finding for path in asked for finding in config_findings(path)]
    paths = sorted(Path('configs').glob('*.py'))
    if not paths:
        return [Finding(State.NOTE, 'no ./configs here; name those to check: mmseg-gen doctor CONFIG ...')]
    return survey(paths)


def _write(title: str, findings: Iterable[Finding]) -> None:
    sys.stdout.write(f'\n{title}\n')
    for finding in findings:
        sys.stdout.write(f'  {_MARKS[finding.state]}  {finding.text}\n')
