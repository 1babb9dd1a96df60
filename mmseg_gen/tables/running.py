"""Run one table and write its document."""

from __future__ import annotations

import sys
from pathlib import Path

from mmengine.logging import MMLogger

from mmseg_gen.tables.catalogue import load_table
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Table
from mmseg_gen.tables.provenance import library_versions, weights_digest
from mmseg_gen.tables.results import document, result_path, write_document


def run_table(name: str, *, quick: bool = False, out: Path, work_dir: Path, table: Table | None = None) -> Path:
    """Run a table, or go on with it, and return the path of its document, ``out/NAME.json``.

    Args:
        name: Name of the table.
        quick: Whether to run the small form.
        out: Folder of the documents.
        work_dir: Folder of the rows and of what tables share; what is there is used again.
        table: None for the module of that name.

    Raises:
        UserError: There is no such table, or a quick run would replace the result of a full one.
    """
    table = load_table(name) if table is None else table
    path = result_path(out, name, quick)
    weights = weights_digest()
    logger = MMLogger.get_instance('mmseg_gen')
    rows = table.run(Context(name, work_dir, weights, quick, logger))
    python = '.'.join(map(str, sys.version_info[:3]))
    made_with = {'weights_sha256': weights, 'versions': {'python': python, **library_versions()}}
    write_document(path, document(name, table, rows, quick=quick, made_with=made_with))
    logger.info('%s: %d rows, %.0f s in all, in %s', name, len(rows), sum(row.seconds for row in rows), path)
    return path
