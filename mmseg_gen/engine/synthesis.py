"""Generate a pseudo-labelled data set: images, evidence, masks and a manifest, resumable at any instant.

On disk: ``images/*.png masks/*.png evidence/*.npz manifest.jsonl meta.json``; masks hold 0 and 255. A
sample's files are renamed into place one by one and its manifest line comes last, so a run killed at any
instant goes on to the same bytes. Any number of processes may work on one folder, see
:mod:`mmseg_gen.engine.crew`; the bytes do not tell how many there were. No sample is ever deleted.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mmseg_gen.engine.batch_making import BatchMaker, FinishedSamples, unit_name
from mmseg_gen.engine.crew import Crew
from mmseg_gen.engine.generator_kinds import generator_name, load_pair_generator
from mmseg_gen.engine.labelling import Labeller, Labelling
from mmseg_gen.engine.manifest import is_settled, settle_manifest
from mmseg_gen.engine.meta import check_meta, write_meta
from mmseg_gen.engine.pairs import PairGenerator
from mmseg_gen.engine.planning import Sample, plan_batches
from mmseg_gen.engine.progress import Progress, Worker, run_logger
from mmseg_gen.engine.prompting import plan_run
from mmseg_gen.engine.sample_writer import FAILED, GIVEN_UP, SampleWriter
from mmseg_gen.engine.settings import SynthesisSettings
from mmseg_gen.engine.termination import exit_on_sigterm
from mmseg_gen.errors import Incomplete, UserError, check_folder
from mmseg_gen.functional.manifest import DROPPED, KEPT, is_intact, read_manifest


@dataclass(frozen=True)
class SynthesisReport:
    """What a data set holds after a run.

    Attributes:
        root: Its folder.
        kept: Number of samples to train on.
        dropped: Number of dropped samples by reason.
        made: Number of samples this process made in this run.
        seconds: Duration of this run.
    """

    root: Path
    kept: int
    dropped: dict[str, int]
    made: int
    seconds: float


def synthesize(
    cfg: Mapping[str, Any],
    work_dir: str | Path | None = None,
    *,
    resume: bool = True,
    worker: Worker | None = None,
    generator: PairGenerator | None = None,
    labeller: Labeller | None = None,
) -> SynthesisReport:
    """Make the data set that a config's ``synthesis`` describes, or go on with it.

    Args:
        cfg: Config with a key ``synthesis``; see :class:`SynthesisSettings`.
        work_dir: Folder of the data set; None takes ``synthesis.output``.
        resume: Whether a folder that has samples may be gone on with.
        worker: Which process this is of those that one launcher started.
        generator: What makes the pairs; None loads ``synthesis.generator``.
        labeller: Transform that writes ``gt_seg_map``; None builds ``synthesis.labeller``.

    Raises:
        UserError: A setting is wrong, the folder was made with other settings or cannot be written, others work
            on it with other settings, or no sample was kept.
        Incomplete: Batches were given up; all others are made.
    """
    started, worker = time.monotonic(), worker or Worker()
    settings = SynthesisSettings.from_dict(_section(cfg))
    plan = plan_run(settings)
    root = _writable_folder(work_dir or settings.output)
    identity = {**settings.identity(), **plan.identity}
    logger = run_logger(root, worker)
    made = 0
    if not _is_complete(root, identity, plan.samples, resume):
        with exit_on_sigterm(), Crew(root, _run(settings, identity, plan.samples), worker.timing) as crew:
            begun, finished = crew.made(), FinishedSamples(root)
            if finished.indices and not resume and not crew.has_others():
                raise UserError(_to_be_resumed(root, len(finished.indices)))
            batches = plan_batches(plan.samples, settings.first_batch, settings.batch_size)
            units = {unit_name(batch): batch for batch in batches if finished.missing(batch)}
            if units:
                logger.info('Loading %s for %d samples in %s', generator_name(settings), len(plan.samples), root)
                generator = generator or load_pair_generator(settings, plan.classes, worker.local_rank)
                identity['weights'] = generator.describe()
                if finished.indices:
                    check_meta(root, identity)
                write_meta(root, identity, crew.tag)
                with Labelling(labeller or build_labeller(settings.labeller), settings.workers) as labelling:
                    writer = SampleWriter(root, labelling, settings.filter)
                    progress = Progress(plan.samples, finished.indices, logger, started, quiet=worker.rank > 0)
                    maker = BatchMaker(
                        writer, generator, crew, finished,
                        attempts=settings.attempts, progress=progress, logger=logger,
                    )  # fmt: skip
                    made = maker.make(units, {unit: begun[unit] for unit in units if unit in begun})
            crew.settle(partial(settle_manifest, root))
    return _report(root, plan.samples, made, time.monotonic() - started, logger)


def _is_complete(root: Path, identity: Mapping[str, Any], samples: Sequence[Sample], resume: bool) -> bool:
    """Return whether nothing is left to do; check that the samples that are there belong to this run."""
    entries = read_manifest(root)
    if not entries:
        return False
    check_meta(root, identity)
    there = {entry.index for entry in entries if entry.reason != FAILED + GIVEN_UP}
    whole = {sample.index for sample in samples} <= there
    whole = whole and is_settled(root, entries) and all(is_intact(root, entry) for entry in entries)
    if whole and not resume:
        raise UserError(_to_be_resumed(root, len(entries)))
    return whole


def _to_be_resumed(root: Path, count: int) -> str:
    return f'Expected {root} to have no samples, but got {count}; leave out --no-resume to go on.'


def _run(settings: SynthesisSettings, identity: Mapping[str, Any], samples: Sequence[Sample]) -> dict[str, Any]:
    """Return what processes that work on one folder must have in common."""
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode('utf-8')).hexdigest()
    batching = {'first_batch': settings.first_batch, 'batch_size': settings.batch_size}
    return {'samples': len(samples), **batching, 'settings': digest[:16]}


def _section(cfg: Mapping[str, Any]) -> Mapping[str, Any]:
    if 'synthesis' not in cfg:
        raise UserError('Expected the config to have a key `synthesis`, but it has none.')
    return cfg['synthesis']


def _writable_folder(path: str | Path | None) -> Path:
    if not path:
        raise UserError('Expected a folder for the data set: set `synthesis.output`, or give --work-dir.')
    root = Path(path)
    check_folder(root, '`synthesis.output` or --work-dir')
    root.mkdir(parents=True, exist_ok=True)
    if not os.access(root, os.W_OK | os.X_OK):
        raise UserError(f'Expected {root} to be a folder that can be written, but it is read-only.')
    return root


def build_labeller(config: Mapping[str, Any]) -> Labeller:
    """Return the transform that ``synthesis.labeller`` describes.

    Raises:
        UserError: There is no such transform, or a setting is unknown.
    """
    import mmseg_gen.datasets.transforms  # noqa: F401  (registers the labellers)
    from mmseg_gen.registry import TRANSFORMS

    try:
        return TRANSFORMS.build(dict(config))
    except (KeyError, TypeError) as error:
        raise UserError(
            f'Expected `synthesis.labeller` to describe a transform, but got {dict(config)}: {error}'
        ) from error


def _report(
    root: Path, samples: Sequence[Sample], made: int, seconds: float, logger: logging.Logger
) -> SynthesisReport:
    entries = read_manifest(root)
    asked = {sample.index for sample in samples}
    if lost := asked - {entry.index for entry in entries}:
        raise UserError(f'Expected all samples in {root}, but files of {len(lost)} were damaged; start again.')
    kept = sum(entry.status == KEPT for entry in entries)
    dropped = dict(sorted(Counter(entry.reason for entry in entries if entry.status == DROPPED).items()))
    for reason, count in dropped.items():
        logger.log(logging.WARNING if reason.startswith(FAILED) else logging.INFO, 'Dropped %d: %s', count, reason)
    logger.info(
        '%d samples made in %.1f s; %s has %d kept, %d dropped',
        made,
        seconds,
        root,
        kept,
        sum(dropped.values()),
    )
    if given_up := [e.name for e in entries if e.reason == FAILED + GIVEN_UP and e.index in asked]:
        raise Incomplete(
            f'Expected all samples in {root} to be made, but {len(given_up)} were given up ({", ".join(given_up[:8])}'
            f'{", ..." if len(given_up) > 8 else ""}): {GIVEN_UP}. Start again to try them again; lower '
            '`synthesis.batch_size` if memory is short.'
        )
    if entries and not kept:
        raise UserError(f'Expected some samples to be kept, but all {len(entries)} were dropped: {", ".join(dropped)}.')
    return SynthesisReport(root, kept, dropped, made, seconds)
