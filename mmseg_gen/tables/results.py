"""The document of one table: every row with bootstrap intervals, every claimed ordering with a paired one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_gen.errors import UserError
from mmseg_gen.functional.bootstrap import bootstrap_mean_interval
from mmseg_gen.functional.label_counts import bootstrap_ratio_samples, mean_ratio
from mmseg_gen.functional.writing import write_bytes
from mmseg_gen.tables.contract import Claim, Paper, Row, Scores, Table
from mmseg_gen.tables.scoring import CONVENTIONS

_DIGITS = 4
_KEYS = ('table', 'title', 'command', 'quick', 'n', 'seconds', 'rows', 'differences', 'paper', 'note')


def measured(scores: Scores) -> dict[str, dict[str, Any]]:
    """Return each metric's mean and 95 % bootstrap interval over images."""
    found = {}
    for name, values in scores.means.items():
        found[name] = _interval(values.mean(), bootstrap_mean_interval(values))
    for name, counts in scores.ratios.items():
        found[name] = _interval(mean_ratio(counts.sum(0)), _quantiles(bootstrap_ratio_samples(counts)))
    return found


def paired_difference(better: Scores, worse: Scores, metric: str) -> dict[str, Any]:
    """Return the mean difference of a metric and its 95 % paired bootstrap interval over images.

    Raises:
        ValueError: The two were not measured on the same number of images, or one lacks the metric.
    """
    if better.count != worse.count:
        raise ValueError(f'Expected rows on the same images, but got {better.count} and {worse.count}.')
    if metric in better.means and metric in worse.means:
        values = better.means[metric] - worse.means[metric]
        return _interval(values.mean(), bootstrap_mean_interval(values))
    if metric in better.ratios and metric in worse.ratios:
        pair = better.ratios[metric], worse.ratios[metric]
        top, bottom = (bootstrap_ratio_samples(counts) for counts in pair)
        return _interval(mean_ratio(pair[0].sum(0)) - mean_ratio(pair[1].sum(0)), _quantiles(top - bottom))
    raise ValueError(f'Expected both rows to have metric `{metric}`, but got {_metrics(better)} and {_metrics(worse)}.')


def document(name: str, table: Table, rows: Sequence[Row], *, quick: bool, made_with: Mapping[str, Any]) -> dict:
    """Return the JSON document of a finished table.

    Args:
        name: Name of the table.
        table: Its module.
        rows: Its rows.
        quick: Whether it was the small form.
        made_with: Weights and versions.

    Raises:
        ValueError: There is no row, two share a name, or they were measured on different numbers of images.
    """
    by_name = {row.name: row for row in rows}
    counts = {row.scores.count for row in rows}
    if len(by_name) < len(rows) or len(counts) != 1:
        raise ValueError(f'Expected rows of different names on the same images, but got {[r.name for r in rows]}.')
    used = {metric for row in rows for metric in _metrics(row.scores)}
    return {
        'table': name,
        'title': table.TITLE,
        'command': f'python tools/reproduce.py {name}{" --quick" if quick else ""}',
        'quick': quick,
        'n': counts.pop(),
        'seconds': round(sum(row.seconds for row in rows), 1),
        'rows': [{'name': row.name, 'seconds': round(row.seconds, 1), 'metrics': measured(row.scores)} for row in rows],
        'differences': _differences(by_name, table.CLAIMS),
        'paper': _paper(table.PAPER),
        'note': table.NOTE,
        'conventions': {metric: CONVENTIONS[metric] for metric in sorted(used) if metric in CONVENTIONS},
        'made_with': dict(made_with),
    }


def result_path(folder: Path, name: str, quick: bool) -> Path:
    """Return where a table's document goes.

    Raises:
        UserError: A quick run would replace the result of a full one.
    """
    path = folder / f'{name}.json'
    if quick and path.is_file() and not read_document(path)['quick']:
        raise UserError(f'Expected {path} not to hold a full run, which --quick would replace; give another --out.')
    return path


def write_document(path: Path, content: Mapping[str, Any]) -> None:
    """Write a document, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, (json.dumps(content, indent=1, ensure_ascii=False) + '\n').encode('utf-8'))


def read_document(path: Path) -> dict[str, Any]:
    """Return a document.

    Raises:
        UserError: The file is not one.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        missing = [key for key in _KEYS if key not in content]
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError) as error:
        raise UserError(f'Expected {path} to be a table of results, but got: {error}') from error
    if not isinstance(content, dict) or missing:
        raise UserError(f'Expected {path} to be a table of results, but it lacks {", ".join(missing)}.')
    return content


def _differences(rows: Mapping[str, Row], claims: Sequence[Claim]) -> list[dict[str, Any]]:
    found = []
    for better, worse, metric in claims:
        if better not in rows or worse not in rows:
            raise ValueError(f'Expected claims about rows from {", ".join(rows)}, but got {better!r} and {worse!r}.')
        difference = paired_difference(rows[better].scores, rows[worse].scores, metric)
        low, high = difference['ci95']
        verdict = 'holds' if low > 0 else 'reversed' if high < 0 else 'open'
        found.append({'better': better, 'worse': worse, 'metric': metric, **difference, 'verdict': verdict})
    return found


def _paper(paper: Paper) -> dict[str, Any]:
    rows = {name: list(values) for name, values in paper.rows.items()}
    return {'source': paper.source, 'columns': list(paper.columns), 'rows': rows}


def _metrics(scores: Scores) -> list[str]:
    return [*scores.means, *scores.ratios]


def _quantiles(samples: np.ndarray) -> tuple[float, float]:
    low, high = np.nanquantile(samples, [0.025, 0.975])
    return float(low), float(high)


def _interval(mean: float, bounds: tuple[float, float]) -> dict[str, Any]:
    return {'mean': round(float(mean), _DIGITS), 'ci95': [round(bound, _DIGITS) for bound in bounds]}
