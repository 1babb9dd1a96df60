"""The Frechet distance between the images of a data set and a reference: FID with a pluggable extractor."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from mmseg_gen.datasets.image_reading import list_images, read_image
from mmseg_gen.errors import UserError
from mmseg_gen.evaluation.feature_extractors import FeatureExtractor
from mmseg_gen.evaluation.samples import sample_name, warn
from mmseg_gen.evaluation.streamed_metric import StreamedMetric
from mmseg_gen.functional.frechet import Moments, frechet_distance
from mmseg_gen.registry import METRICS, MODELS

_BLOCK = 64


@dataclass
class _Running:
    """Moments of what was merged, and a few vectors that wait: one merge costs as much as a whole block."""

    moments: Moments | None = None
    waiting: list[np.ndarray] = field(default_factory=list)

    def take(self, vector: np.ndarray) -> None:
        self.waiting.append(vector)
        if len(self.waiting) >= _BLOCK:
            self.moments, self.waiting = self.finished(), []

    def finished(self) -> Moments | None:
        if not self.waiting:
            return self.moments
        block = Moments.of(np.stack(self.waiting))
        return block if self.moments is None else self.moments.merged(block)


@METRICS.register_module()
class FrechetDistance(StreamedMetric):
    """Frechet distance of the data set's images to a reference, 0 or more; lower is closer.

    Reported as ``frechet/distance``. Only running moments are held, D x D numbers, whatever the number of images.
    Every process makes its own; the exact moments of all are merged. Samples that the loader repeats do not
    count. Compare distances of one extractor, one image size and equal numbers of images only.

    Args:
        extractor: Callable (see :mod:`mmseg_gen.evaluation.feature_extractors`), or its config; by default the
            embedded CLIP. FID as published takes Inception's weights from a local file: ``TorchScriptFeatures``.
        reference: Folder of images, or an ``.npz`` file with ``mu`` and ``sigma`` of the same extractor.
        color_order: Of ``inputs`` in the batch: 'bgr' as MMSegmentation loads, or 'rgb'.
        kwargs: ``prefix``, ``collect_device``, ``collect_dir`` of MMEngine's ``BaseMetric``.

    Raises:
        ValueError: ``color_order`` is another word.
    """

    default_prefix = 'frechet'

    def __init__(
        self,
        reference: str,
        extractor: FeatureExtractor | dict | None = None,
        color_order: str = 'bgr',
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if color_order not in ('bgr', 'rgb'):
            raise ValueError(f"Expected `color_order` 'bgr' or 'rgb', but got {color_order!r}.")
        self.reference, self.color_order = reference, color_order
        self._extractor = dict(type='ClipFeatures') if extractor is None else extractor

    @property
    def extractor(self) -> FeatureExtractor:
        """The extractor, built when it is first needed."""
        if isinstance(self._extractor, dict):
            self._extractor = MODELS.build(dict(self._extractor))
        return self._extractor

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Take the features of each image of the batch.

        Args:
            data_batch: With ``inputs``: uint8 images ``(3, H, W)``, as the pipeline packs them.
            data_samples: One for each, for their names.

        Raises:
            ValueError: The batch has no uint8 images, or a feature is not finite.
        """
        if not self._seen:
            # Before hours of work, and in every process.
            _check_reference(self.reference)
        images = [_image(i, s) for i, s in zip(data_batch.get('inputs', ()), data_samples, strict=True)]
        if self.color_order == 'bgr':
            images = [image.flip(0) for image in images]
        for vector, sample in zip(_features(self.extractor, images), data_samples, strict=True):
            if not np.isfinite(vector).all():
                raise ValueError(f'Expected finite features of {sample_name(sample)}, but got NaN or infinite values.')
            self.stream(vector)

    def add(self, total: _Running | None, record: np.ndarray) -> _Running:
        """Return the total with one more vector."""
        total = _Running() if total is None else total
        total.take(record)
        return total

    def compute_metrics(self, results: list[_Running | None]) -> dict[str, float]:
        """Return the distance.

        Args:
            results: Running moments of each process.

        Raises:
            ValueError: There are fewer than two images.
        """
        parts = [part.finished() for part in results if part is not None]
        own = merge(part for part in parts if part is not None)
        reference = self.reference
        if Path(reference).suffix == '.npz':
            mean, covariance = load_statistics(reference)
        else:
            moments = image_moments(list_images(Path(reference)), self.extractor)
            _warn_if_few(moments, reference)
            mean, covariance = moments.mean, moments.covariance
        _warn_if_few(own, 'the data set')
        return {'distance': frechet_distance(own.mean, own.covariance, mean, covariance)}


def merge(parts: Iterable[Moments]) -> Moments:
    """Return the moments of several sets together.

    Raises:
        ValueError: There is no set.
    """
    total: Moments | None = None
    for part in parts:
        total = part if total is None else total.merged(part)
    if total is None:
        raise ValueError('Expected at least one image for the Frechet distance, but got none.')
    return total


def image_moments(paths: Sequence[Path], extractor: FeatureExtractor, batch: int = 16) -> Moments:
    """Return the moments of the features of image files, with a progress bar, in constant memory.

    Args:
        paths: Files.
        extractor: See :mod:`mmseg_gen.evaluation.feature_extractors`.
        batch: Images for each call of the extractor.
    """
    running = _Running()
    with tqdm(total=len(paths), desc='features', unit='image', disable=None) as bar:
        for start in range(0, len(paths), batch):
            chunk = paths[start : start + batch]
            images = [torch.from_numpy(read_image(path)).permute(2, 0, 1) for path in chunk]
            for vector in _features(extractor, images):
                running.take(vector)
            bar.update(len(chunk))
    moments = running.finished()
    return merge([] if moments is None else [moments])


def load_statistics(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Return ``mu`` ``(D,)`` and ``sigma`` ``(D, D)`` of an ``.npz`` file, pytorch-fid's format; no pickle is read.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: It lacks one of them, or is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            return content['mu'], content['sigma']
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f'Expected arrays `mu` and `sigma` in {path}, but reading them failed: {error}.') from error


def _features(extractor: FeatureExtractor, images: list[Tensor]) -> np.ndarray:
    found = torch.as_tensor(extractor(images)).detach().cpu().double().numpy()
    if found.ndim != 2 or len(found) != len(images):
        raise ValueError(f'Expected {len(images)} feature vectors from the extractor, but got shape {found.shape}.')
    return found


def _image(image: Tensor, sample: dict) -> Tensor:
    if image.dtype != torch.uint8 or image.ndim != 3 or len(image) != 3:
        raise ValueError(
            f'Expected `inputs` of {sample_name(sample)} as uint8 (3, H, W), but got {image.dtype} '
            f'{tuple(image.shape)}: normalise in the data preprocessor, not in the pipeline.'
        )
    return image


def _check_reference(path: str) -> None:
    if not Path(path).is_dir() and not (path.endswith('.npz') and Path(path).is_file()):
        raise UserError(f'Expected `reference` as a folder of images or an .npz file, but there is no {path}.')


def _warn_if_few(moments: Moments, name: str) -> None:
    dimensions = len(moments.mean)
    if moments.count <= dimensions:
        warn(
            f'FrechetDistance: {moments.count} images of {name} for {dimensions} dimensions: the covariance is '
            'singular and the distance biased; compare only with equal numbers of images.'
        )
