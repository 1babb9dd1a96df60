"""Scores as a JSON file and as lines of text, as the tools that score masks give them out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmseg_gen.errors import UserError
from mmseg_gen.functional.writing import write_bytes


def check_score_file(path: Path | None) -> None:
    """Check, before the long work, that scores may be written to a file; None is no file.

    Raises:
        UserError: It is no JSON file by its name, or holds something other than scores.
    """
    if path is None:
        return
    if path.suffix != '.json':
        raise UserError(f'Expected --out to end in .json, but got {path}.')
    if path.exists() and not _holds_scores(path):
        raise UserError(f'Expected {path} to be new or earlier scores, but it is something else; choose another --out.')


def _holds_scores(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {'metrics', 'command'} <= set(content)


def write_scores(path: Path, content: Mapping[str, Any]) -> None:
    """Write scores to a file that :func:`check_score_file` has seen.

    Args:
        path: Its folder is made where it is missing.
        content: JSON values, with ``metrics`` and ``command``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, (json.dumps(content, indent=1) + '\n').encode('utf-8'))


def score_lines(metrics: Mapping[str, float], intervals: Mapping[str, tuple[float, float]]) -> Iterator[str]:
    """Yield a line for each score, with its 95 % interval where it has one.

    Args:
        metrics: Scores by name; NaN where one is not defined.
        intervals: Bounds by name.
    """
    for name, value in metrics.items():
        bounds = intervals.get(name)
        interval = f'  95 % interval [{bounds[0]:.4f}, {bounds[1]:.4f}]' if bounds else ''
        yield f'  {name:<24} {"not defined" if math.isnan(value) else f"{value:.4f}"}{interval}\n'
