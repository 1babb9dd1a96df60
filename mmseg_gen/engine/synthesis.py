"""Generate a pseudo-labelled data set: images, evidence, masks and a manifest, resumable at any instant.

On disk: ``images/*.png masks/*.png evidence/*.npz manifest.jsonl meta.json``; masks hold 0 and 255. A
sample's files are renamed into place one by one and its manifest line comes last, so a run killed at any
instant goes on to the same bytes. Nothing is ever deleted.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_gen.engine.labelling import Labeller, Labelling
from mmseg_gen.engine.manifest import DROPPED, KEPT, ManifestShard, is_intact, read_manifest
from mmseg_gen.engine.meta import check_meta, write_meta
from mmseg_gen.engine.pairs import PairGenerator, generate_pairs
from mmseg_gen.engine.planning import Sample, batches_of_rank, plan_batches
from mmseg_gen.engine.progress import Progress, Worker, run_logger
from mmseg_gen.engine.prompting import plan_run
from mmseg_gen.engine.sample_writer import FAILED, PendingSample, SampleWriter
from mmseg_gen.engine.settings import SynthesisSettings
from mmseg_gen.errors import UserError


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
        worker: Which part this process does; process r makes every ``world_size``-th batch, beginning with
            batch r.
        generator: What makes the pairs; None loads ``synthesis.generator``.
        labeller: Transform that writes ``gt_seg_map``; None builds ``synthesis.labeller``.

    Raises:
        UserError: A setting is wrong, the folder was made with other settings or cannot be written, or no
            sample was kept.
    """
    started, worker = time.monotonic(), worker or Worker()
    settings = SynthesisSettings.from_dict(_section(cfg))
    plan = plan_run(settings)
    root = _writable_folder(work_dir or settings.output)
    identity = {**settings.identity(), **plan.identity}
    done = _finished(root, identity, resume)
    batches = batches_of_rank(
        plan_batches(plan.samples, settings.first_batch, settings.batch_size), worker.rank, worker.world_size
    )
    logger = run_logger(root, worker)
    unfinished = [batch for batch in batches if any(sample.index not in done for sample in batch)]
    with ManifestShard(root, worker.rank, worker.world_size) as shard:
        made = 0
        if unfinished:
            logger.info('Loading %s for %d samples in %s', settings.generator, sum(map(len, batches)), root)
            generator = generator or _load_generator(settings, plan.classes, worker)
            identity['weights'] = generator.describe()
            if done:
                check_meta(root, identity)
            write_meta(root, identity, worker.rank)
            with Labelling(labeller or _build_labeller(settings.labeller), settings.workers) as labelling:
                writer = SampleWriter(root, shard, labelling, settings.filter)
                progress = Progress(batches, done, logger, started, quiet=worker.rank > 0)
                made = _make(writer, generator, unfinished, done, progress)
    return _report(root, made, time.monotonic() - started, logger)


def _make(
    writer: SampleWriter,
    generator: PairGenerator,
    batches: Sequence[Sequence[Sample]],
    done: set[int],
    progress: Progress,
) -> int:
    """Make the samples of these batches that are not done, and return how many.

    One batch is generated while the one before it is labelled.
    """
    made, pending, untried = 0, [], not done
    with progress.bar:
        for batch in [*batches, None]:
            staged = []
            if batch is not None:
                pairs = generate_pairs(generator, batch)
                staged = [writer.stage(s, p) for s, p in zip(batch, pairs, strict=True) if s.index not in done]
            for item in staged:
                if 'image' in item.files:
                    progress.announce(writer.root / item.files['image'][0])
            if untried and staged:
                _refuse_hopeless(staged)
                untried = False
            if not writer.labelling.beside:
                pending, staged = pending + staged, []
            for item in pending:
                writer.finish(item)
                progress.bar.update()
                made += 1
            pending = staged
    return made


def _refuse_hopeless(staged: Sequence[PendingSample]) -> None:
    """Stop a run whose very first samples all fail, before anything is recorded."""
    errors = [item.label.result().error for item in staged]
    if all(errors):
        raise UserError(f'Expected at least one of the first {len(errors)} samples to succeed, but got: {errors[0]}')


def _section(cfg: Mapping[str, Any]) -> Mapping[str, Any]:
    if 'synthesis' not in cfg:
        raise UserError('Expected the config to have a key `synthesis`, but it has none.')
    return cfg['synthesis']


def _writable_folder(path: str | Path | None) -> Path:
    if path is None:
        raise UserError('Expected a folder for the data set: set `synthesis.output`, or give --work-dir.')
    root = Path(path)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f'Expected {root} to be a folder that can be written, but got: {error}') from error
    if not os.access(root, os.W_OK | os.X_OK):
        raise UserError(f'Expected {root} to be a folder that can be written, but it is read-only.')
    return root


def _finished(root: Path, identity: Mapping[str, Any], resume: bool) -> set[int]:
    """Return the indices of the samples that are there in full; check that they belong to this run."""
    entries = read_manifest(root)
    if not entries:
        return set()
    check_meta(root, identity)
    if not resume:
        raise UserError(f'Expected {root} to have no samples, but got {len(entries)}; leave out --no-resume to go on.')
    return {entry.index for entry in entries if is_intact(root, entry)}


def _load_generator(settings: SynthesisSettings, classes: Sequence[str], worker: Worker) -> PairGenerator:
    from mmseg_gen.engine.pair_generator import DiffusionPairGenerator

    return DiffusionPairGenerator.from_settings(settings, classes, worker.local_rank)


def _build_labeller(config: Mapping[str, Any]) -> Labeller:
    import mmseg_gen.datasets.transforms  # noqa: F401  (registers the labellers)
    from mmseg_gen.registry import TRANSFORMS

    try:
        return TRANSFORMS.build(dict(config))
    except (KeyError, TypeError) as error:
        raise UserError(
            f'Expected `synthesis.labeller` to describe a transform, but got {dict(config)}: {error}'
        ) from error


def _report(root: Path, made: int, seconds: float, logger: logging.Logger) -> SynthesisReport:
    entries = read_manifest(root)
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
    if entries and not kept:
        raise UserError(f'Expected some samples to be kept, but all {len(entries)} were dropped: {", ".join(dropped)}.')
    return SynthesisReport(root, kept, dropped, made, seconds)
