"""Scoring masks that lie in a folder, whatever program wrote them, with the metrics of this package."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from tqdm import tqdm

from mmseg_gen.errors import UserError
from mmseg_gen.evaluation.mask_reading import Prediction, PredictionReader, find_masks
from mmseg_gen.evaluation.per_image import intervals
from mmseg_gen.evaluation.reading_ahead import read_ahead
from mmseg_gen.evaluation.samples import shortened
from mmseg_gen.evaluation.truth_sets import TrueImage, TruthSet
from mmseg_gen.functional.palette import voc_palette

MISSING = ('error', 'skip', 'background')


@dataclass(frozen=True)
class MaskScores:
    """Scores of a folder of masks.

    Attributes:
        data_set: What they were scored against.
        num_images: Number of images scored.
        metrics: Scores by name.
        intervals: 95 % bootstrap intervals over images, for scores that are means over images.
        missing: Images without a prediction, left out or scored as background.
        extra: Files that belong to no image.
    """

    data_set: str
    num_images: int
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values; scores that are not defined are null."""
        scores: dict[str, Any] = {}
        for name, value in self.metrics.items():
            scores[name] = {'value': value if math.isfinite(value) else None}
            if name in self.intervals:
                scores[name]['ci95'] = list(self.intervals[name])
        return {
            'data_set': self.data_set,
            'n': self.num_images,
            'metrics': scores,
            'missing': {'count': len(self.missing), 'names': self.missing},
            'extra': {'count': len(self.extra), 'names': self.extra},
        }


def evaluate_masks(
    folder: str | Path,
    truth: TruthSet,
    *,
    metrics: Sequence[str | dict] | None = None,
    missing: str = 'error',
    values: str = 'auto',
    suffix: str = '',
) -> MaskScores:
    """Return the scores of stored predictions.

    Args:
        folder: PNG and npy files named as the images: class ids (grey or palette PNG, integer npy); for two classes
            also 0 and 255, grey values, or probabilities (float npy in [0, 1]). Each has its image's size.
        truth: From :func:`~mmseg_gen.evaluation.truth_sets.open_benchmark` or
            :func:`~mmseg_gen.evaluation.truth_sets.open_mask_folder`.
        metrics: Registered metrics, by type or config; None chooses by the ground truth: :func:`default_metrics`.
        missing: What to do with images that have no prediction: 'error', 'skip' (listed), or 'background': score
            an empty one (listed).
        values: See :class:`~mmseg_gen.evaluation.mask_reading.PredictionReader`.
        suffix: What the predictions' stems have behind the image's name, '_mask' for instance.

    Raises:
        UserError: Files are missing, damaged, of another size, or hold values that mean nothing here; the text
            counts them and names some.
    """
    if missing not in MISSING:
        raise UserError(f'Expected `missing` from {", ".join(MISSING)}, but got {missing!r}.')
    files = find_masks(Path(folder), suffix, nested=truth.nested)
    keys = {image.key for image in truth.images}
    absent = [image.key for image in truth.images if image.key not in files]
    extra = [str(path) for key, path in files.items() if key not in keys]
    if absent and (missing == 'error' or len(absent) == len(keys)):
        raise UserError(
            f'Expected a prediction for each of the {len(keys)} images of {truth.name}, but {len(absent)} have none in '
            f'{folder}: {shortened(absent)}. Add them, give --suffix where names end in one, or choose --missing.'
        )
    reader = _reader(truth, values)
    images = [image for image in truth.images if missing == 'background' or image.key in files]
    built = build_metrics(metrics or default_metrics(truth), truth)
    count = score(built, _samples(images, files, reader), len(images))
    reader.check()
    scores, bounds = finish(built, count)
    return MaskScores(truth.name, count, scores, bounds, absent, extra)


def _reader(truth: TruthSet, values: str) -> PredictionReader:
    if all(image.labels is not None for image in truth.images):
        colors = np.asarray(truth.metainfo.get('palette') or ())
        voc_colors = np.array_equal(colors, voc_palette()[: truth.num_classes])
        return PredictionReader(truth.num_classes, values, voc_colors=voc_colors)
    # What boxes are compared with is foreground; class ids read as grey values would come out empty.
    return PredictionReader(2, 'mask' if values == 'auto' else values)


def default_metrics(truth: TruthSet) -> list[dict]:
    """Return the metrics that suit the ground truth.

    Boxes alone: :class:`LocalizationMetric`; two classes: :class:`BinaryIoUMetric` and :class:`SaliencyMetric`, with
    boxes that one too; more: :class:`ClassIoUMetric` with each class.
    """
    localization = [dict(type='LocalizationMetric')]
    if any(image.labels is None for image in truth.images):
        return localization
    if truth.num_classes == 2:
        boxes = localization if all('boxes' in image.meta for image in truth.images) else []
        return [dict(type='BinaryIoUMetric'), dict(type='SaliencyMetric'), *boxes]
    return [dict(type='ClassIoUMetric', per_class=True)]


def build_metrics(configs: Iterable[str | dict], truth: TruthSet) -> list[BaseMetric]:
    """Return metrics that know the data set's classes.

    Raises:
        UserError: There is no such metric.
    """
    from mmseg_gen.engine.launch import known_types_only
    from mmseg_gen.registry import METRICS

    built = []
    for config in configs:
        with known_types_only():
            metric = METRICS.build({'type': config} if isinstance(config, str) else dict(config))
        metric.dataset_meta = truth.metainfo
        built.append(metric)
    return built


def score(metrics: Sequence[BaseMetric], samples: Iterable[dict | str], total: int) -> int:
    """Let metrics process samples one by one, with a progress bar, and return their number.

    Args:
        metrics: The metrics.
        samples: Samples, or texts that say why one cannot be scored.
        total: Expected number, for the bar.

    Raises:
        UserError: Some cannot be scored; the text counts them and has the first reasons.
    """
    problems, count = [], 0
    for sample in tqdm(samples, desc='evaluate', unit='image', total=total, disable=None):
        if isinstance(sample, str):
            problems.append(sample)
        elif not problems:
            for metric in metrics:
                metric.process({}, [sample])
        count += 1
    if problems:
        raise UserError(f'{len(problems)} of {count} masks cannot be scored: {" ".join(problems[:3])}')
    return count


def finish(metrics: Sequence[BaseMetric], count: int) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Return all scores and the intervals of those that are means over images."""
    scores: dict[str, float] = {}
    bounds: dict[str, tuple[float, float]] = {}
    for metric in metrics:
        bounds |= intervals(metric)
        scores |= {name: float(value) for name, value in metric.evaluate(count).items()}
    return scores, bounds


def make_sample(image: TrueImage, labels: np.ndarray | None, prediction: Prediction) -> dict[str, Any]:
    """Return a sample as MMEngine hands it to metrics."""
    sample = {**image.meta, 'pred_sem_seg': {'data': _tensor(prediction.labels)}}
    if prediction.probability is not None:
        sample['seg_logits'] = {'data': torch.from_numpy(prediction.probability[None])}
    if labels is not None:
        sample['gt_sem_seg'] = {'data': _tensor(labels)}
    return sample


def _tensor(labels: np.ndarray) -> torch.Tensor:
    """Return labels as a tensor ``(1, H, W)``; bytes stay bytes, which metrics count several times as quickly."""
    # Pillow's arrays are read-only, which tensors cannot be.
    return torch.from_numpy(np.require(labels[None], requirements='W'))


def _samples(
    images: Sequence[TrueImage], files: dict[str, Path], reader: PredictionReader
) -> Iterator[dict[str, Any] | str]:
    def read(image: TrueImage) -> dict[str, Any] | str:
        try:
            return _sample(image, files.get(image.key), reader)
        except (ValueError, OSError) as error:
            return str(error)

    return read_ahead(images, read)


def _sample(image: TrueImage, path: Path | None, reader: PredictionReader) -> dict[str, Any]:
    labels = None if image.labels is None else image.labels()
    size = image.size() if labels is None else labels.shape
    if path is None:
        empty = np.zeros(size, np.uint8)
        return make_sample(image, labels, Prediction(empty, empty.astype(np.float32)))
    prediction = reader(path)
    if prediction.labels.shape != tuple(size):
        raise UserError(
            f'Expected {path} to have the size of its image, {size[1]} x {size[0]} pixels, but got '
            f'{prediction.labels.shape[1]} x {prediction.labels.shape[0]}; resize class ids with nearest neighbours.'
        )
    return make_sample(image, labels, prediction)
