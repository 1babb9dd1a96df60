"""Exporting a data set: samples in a pool of processes, the lists last."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
from tqdm import tqdm

from mmseg_gen.engine.export import coco, voc, yolo
from mmseg_gen.engine.export.folder import open_folder
from mmseg_gen.engine.export.samples import VAL, ExportSample, read_samples
from mmseg_gen.engine.export.settings import ExportSettings
from mmseg_gen.errors import UserError

WRITERS: dict[str, ModuleType] = {'voc': voc, 'coco': coco, 'yolo': yolo}
# A second process takes about as long to start as this many small samples take to write.
_CHUNK, _WORTH_A_PROCESS = 32, 256


@dataclass(frozen=True)
class ExportReport:
    """What an export holds.

    Attributes:
        out: Its folder.
        samples: Number of samples.
        validation: How many of them are in the split 'val'.
        objects: Number of objects in all.
        classes: Names of the labels 1, 2, ...
    """

    out: Path
    samples: int
    validation: int
    objects: int
    classes: tuple[str, ...]


def export_data_set(
    root: str | Path,
    out: str | Path,
    settings: ExportSettings,
    *,
    resume: bool = False,
    workers: int | None = None,
) -> ExportReport:
    """Write the kept samples of a generated data set in another program's format.

    Files are renamed into place one by one and the lists come last; an interrupted export goes on where it
    stopped, and equal input gives equal bytes. Nothing is ever deleted.

    Args:
        root: Folder of the data set.
        out: Folder to write: new, empty, or begun by the same export.
        settings: What to write.
        resume: Whether to complete an export that was begun.
        workers: Number of processes; None: one for each core, fewer where there is little to do.

    Raises:
        UserError: The set or the folder is not what is expected, or a file is damaged; the text names it.
    """
    root, out = Path(root), Path(out)
    if workers is not None and workers < 1:
        raise UserError(f'Expected `workers` of at least 1, but got {workers}.')
    samples, names = read_samples(root, settings)
    open_folder(root, out, settings, resume=resume)
    writer = WRITERS[settings.format]
    for folder in writer.FOLDERS:
        (out / folder).mkdir(parents=True, exist_ok=True)
    count = workers or min(os.cpu_count() or 1, 1 + len(samples) // _WORTH_A_PROCESS)
    bar = tqdm(total=len(samples), desc=f'export {settings.format}', unit='sample', disable=None)
    results: list[Any] = []
    with bar:
        for part in _in_chunks(samples, partial(_write_chunk, settings=settings, names=names, out=out), count):
            results.extend(part)
            bar.update(len(part))
    writer.write_lists(out, samples, results, names, root.resolve().name)
    objects = sum(r if isinstance(r, int) else len(r['annotations']) for r in results)
    return ExportReport(out, len(samples), sum(s.split == VAL for s in samples), objects, names)


def _write_chunk(
    samples: Sequence[ExportSample], *, settings: ExportSettings, names: Sequence[str], out: Path
) -> list[Any]:
    return [WRITERS[settings.format].write_sample(out, sample, names, settings) for sample in samples]


def _in_chunks(samples: Sequence[ExportSample], write: Any, workers: int) -> Iterator[list[Any]]:
    """Yield the results chunk by chunk in order; a failure stops the chunks that have not begun."""
    remaining = iter(samples)
    chunks = iter(lambda: list(islice(remaining, _CHUNK)), [])
    if workers == 1:
        yield from map(write, chunks)
        return
    context = multiprocessing.get_context('spawn')
    pool = ProcessPoolExecutor(workers, context, cv2.setNumThreads, (1,))
    try:
        yield from pool.map(write, chunks)
    finally:
        pool.shutdown(cancel_futures=True)
