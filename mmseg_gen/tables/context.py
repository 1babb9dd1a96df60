"""What a table is run with: its size, its folders, and rows that survive an interruption."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from mmseg_gen.functional.array_files import write_arrays
from mmseg_gen.tables.contract import Row, Scores

_T = TypeVar('_T')


@dataclass(frozen=True)
class Context:
    """A run of one table.

    Attributes:
        table: Its name.
        work_dir: Folder of everything that runs leave behind: ``TABLE/`` holds the rows of a table, ``shared/`` what
            tables have in common (data sets, trained segmentors, evidence), by the weights it was made with.
        weights: Digest of the embedded weights: rows and shared files of other weights are never read.
        quick: Whether to run the small form.
        logger: Told of each row.
    """

    table: str
    work_dir: Path
    weights: str
    quick: bool = False
    logger: logging.Logger = field(default_factory=lambda: logging.getLogger('mmseg_gen'))

    def choose(self, full: _T, quick: _T) -> _T:
        """Return the value for the form that is run."""
        return quick if self.quick else full

    def shared(self, *parts: str) -> Path:
        """Return a path for files that several tables use; its folder exists."""
        path = self.work_dir.joinpath('shared', self.weights[:12], *parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def row(self, name: str, settings: Mapping[str, Any], compute: Callable[[], Scores]) -> Row:
        """Return a row, computed unless an earlier run has finished it.

        Args:
            name: Name of the row.
            settings: Everything that decides its scores besides the weights, as JSON values: number of images, steps,
                options. A row of other settings is another row.
            compute: Called where the row is not there yet.

        Raises:
            TypeError: A setting is not a JSON value.
        """
        identity = json.dumps({'row': name, 'weights': self.weights, **settings}, sort_keys=True)
        path = self.work_dir / self.table / f'{slug(name)}-{short_hash(identity)}.npz'
        if path.is_file():
            self.logger.info('%s: %s is there already', self.table, name)
            return _read(name, path)
        self.logger.info('%s: %s ...', self.table, name)
        start = time.monotonic()
        row = Row(name, compute(), time.monotonic() - start)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_arrays(path, _arrays(row, identity))
        self.logger.info('%s: %s took %.0f s', self.table, name, row.seconds)
        return row


def slug(name: str) -> str:
    """Return a name with everything but letters, digits and dots as single underscores.

    Example:
        >>> slug('A_c + r (ours)')
        'A_c_r_ours'
    """
    return re.sub(r'[^\w.]+|_{2,}', '_', name).strip('_') or 'row'


def short_hash(text: str) -> str:
    """Return ten hexadecimal digits that depend on a text alone."""
    return hashlib.sha256(text.encode('utf-8')).hexdigest()[:10]


def _arrays(row: Row, identity: str) -> dict[str, np.ndarray]:
    arrays = {f'mean/{key}': values for key, values in row.scores.means.items()}
    arrays |= {f'ratio/{key}': values for key, values in row.scores.ratios.items()}
    return {'identity': np.array(identity), 'seconds': np.array(row.seconds), **arrays}


def _read(name: str, path: Path) -> Row:
    with np.load(path, allow_pickle=False) as archive:
        kinds: dict[str, dict[str, np.ndarray]] = {'mean': {}, 'ratio': {}}
        for key in archive.files:
            kind, _, metric = key.partition('/')
            if metric:
                kinds[kind][metric] = archive[key]
        return Row(name, Scores(kinds['mean'], kinds['ratio']), float(archive['seconds']))
