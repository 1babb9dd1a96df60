"""Writing the files of samples into a generated data set."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmseg_gen.engine.labelling import Label, Labelling
from mmseg_gen.engine.leases import Lease
from mmseg_gen.engine.pairs import GeneratedPair
from mmseg_gen.engine.planning import Sample
from mmseg_gen.engine.settings import FilterSettings
from mmseg_gen.functional.manifest import DROPPED, KEPT, Entry
from mmseg_gen.functional.writing import encode_png, write_atomically, write_bytes

FOLDERS = {'image': 'images', 'evidence': 'evidence', 'mask': 'masks'}
EMPTY, TOO_SMALL, TOO_LARGE, UNRECOGNISED, OTHER_CLASS, INCOMPLETE = (
    'empty mask',
    'mask too small',
    'mask too large',
    'not recognised by CLIP',
    'another class for CLIP',
    'classes missing',
)
FAILED = 'failed: '
# Such samples are tried again when the run is started again.
GIVEN_UP = 'the processes that made its batch died or hung'


@dataclass(frozen=True)
class PendingSample:
    """A sample whose image and evidence are on disk while its label is computed."""

    sample: Sample
    lease: Lease
    label: Future[Label]
    files: dict[str, tuple[str, int]] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)


class SampleWriter:
    """Writes the samples of one process.

    Args:
        root: Folder of the data set.
        labelling: What labels the images.
        limits: Which samples are dropped.
    """

    def __init__(self, root: Path, labelling: Labelling, limits: FilterSettings) -> None:
        self.root, self.labelling, self.limits = root, labelling, limits
        for folder in FOLDERS.values():
            (root / folder).mkdir(exist_ok=True)

    def stage(self, sample: Sample, pair: GeneratedPair | str, lease: Lease) -> PendingSample:
        """Write image and evidence and ask for the label.

        Args:
            sample: The sample.
            pair: What was generated, or a text that says why nothing was.
            lease: Of the batch.

        Raises:
            LeaseLost: Another process makes the batch.
        """
        lease.check()
        if isinstance(pair, str):
            failure: Future[Label] = Future()
            failure.set_result(Label(error=pair))
            return PendingSample(sample, lease, failure)
        image, evidence = f'images/{sample.name}.png', f'evidence/{sample.name}.npz'
        files = {'image': (image, write_bytes(self.root / image, encode_png(pair.image), lease.tag))}
        if pair.store_evidence:
            files['evidence'] = (evidence, write_atomically(self.root / evidence, pair.evidence.save, lease.tag))
        seen = {'clip': pair.clip_probability, 'clip_agrees': pair.clip_agrees}
        measures = {name: float(value) for name, value in seen.items() if value is not None} | dict(pair.measures)
        # Labelled as it reads back, so that labelling the stored evidence later gives the same mask.
        return PendingSample(sample, lease, self.labelling.submit(pair.image, pair.evidence.stored()), files, measures)

    def finish(self, pending: PendingSample) -> Entry:
        """Write the mask and return the manifest entry.

        Raises:
            LeaseLost: Another process makes the batch.
        """
        pending.lease.check()
        sample, label, files = pending.sample, pending.label.result(), dict(pending.files)
        if label.mask is not None:
            mask, content = f'masks/{sample.name}.png', _encode(label.mask, bool(sample.class_ids))
            files['mask'] = (mask, write_bytes(self.root / mask, content, pending.lease.tag))
        measures = {name: round(value, 6) for name, value in {**label.measures, **pending.measures}.items()}
        reason = FAILED + label.error if label.error else label.undecided or rejection(measures, self.limits)
        return Entry(
            index=sample.index,
            name=sample.name,
            class_name=sample.class_name,
            prompt=sample.prompt,
            seed=sample.seed,
            status=DROPPED if reason else KEPT,
            reason=reason,
            files=files,
            measures=measures,
            class_names=sample.class_names,
        )


def _encode(labels: np.ndarray, indexed: bool) -> bytes:
    if not indexed:
        return encode_png(labels * np.uint8(255))
    # Here, for it brings MMSegmentation along, which a finished set does without.
    from mmseg_gen.datasets.index_png import encode_index_png

    return encode_index_png(labels)


def rejection(measures: Mapping[str, float], limits: FilterSettings) -> str:
    """Return why a sample with these measures is dropped; empty if it is kept."""
    area, clip = measures.get('area', 0.0), measures.get('clip')
    if area == 0:
        return EMPTY
    if area < limits.min_area:
        return TOO_SMALL
    if area > limits.max_area:
        return TOO_LARGE
    if limits.clip_threshold is not None and clip is not None and clip < limits.clip_threshold:
        return UNRECOGNISED
    if limits.clip_agreement == 'drop' and measures.get('clip_agrees') == 0:
        return OTHER_CLASS
    if limits.max_missing is not None and measures.get('missing', 0) > limits.max_missing:
        return INCOMPLETE
    return ''
