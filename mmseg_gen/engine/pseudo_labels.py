"""Label maps of images by a trained MMSegmentation model, kept in a folder so that each is computed once.

On disk: ``FOLDER/MODEL/model.json`` and ``FOLDER/MODEL/IMAGE.png``, where MODEL is a hash of the model's config
and weights and IMAGE one of the image file's bytes: another model or a changed image never meets an old label map.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_gen.datasets.image_reading import check_photo, model_size, read_image
from mmseg_gen.datasets.index_png import encode_index_png
from mmseg_gen.datasets.label_reading import decode_labels
from mmseg_gen.engine.checkpoint_fit import load_segmentor
from mmseg_gen.engine.inference_config import SIDE_MULTIPLE, inference_config, training_side
from mmseg_gen.engine.launch import find_checkpoint
from mmseg_gen.errors import UserError
from mmseg_gen.functional.canvas import resize_map
from mmseg_gen.functional.writing import write_bytes

RECORD = 'model.json'
_KEY_LENGTH = 16


class PseudoLabels:
    """Label maps of one model; the model is loaded when an image is not in the cache.

    Args:
        config: Path of the model's config.
        checkpoint: Path of its weights, or the work folder that holds them.
        cache: Folder of the label maps.
        device: Where to run.

    Raises:
        FileNotFoundError: The config or the checkpoint is not there.
        UserError: The checkpoint is a URL, or the cache cannot be written.
    """

    def __init__(
        self,
        config: str | os.PathLike[str],
        checkpoint: str | os.PathLike[str],
        cache: str | os.PathLike[str],
        *,
        device: str = 'cpu',
    ) -> None:
        from mmseg_gen import registry  # noqa: F401  (a config may import mmseg)

        self.config, self.device = config, device
        self.weights = find_checkpoint(str(checkpoint))
        if '://' in self.weights:
            raise UserError(f'Expected a checkpoint file, but got {self.weights}; download it first.')
        self._settings = inference_config(config)
        self.key = _model_key(self._settings, Path(self.weights))
        self.folder = Path(cache) / self.key
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f'Expected a folder for label maps in {cache}, but got: {error}; choose another.'
            ) from error
        self.computed = 0
        self._model: Any = None
        self._side = training_side(self._settings)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the model's classes."""
        record = self.folder / RECORD
        if not record.is_file():
            names = tuple(self._loaded().dataset_meta['classes'])
            content = {'config': str(self.config), 'checkpoint': str(self.weights), 'classes': names}
            write_bytes(record, (json.dumps(content, indent=1) + '\n').encode('utf-8'))
        return tuple(json.loads(record.read_text(encoding='utf-8'))['classes'])

    def __call__(self, image: str | os.PathLike[str]) -> np.ndarray:
        """Return the label map of an image file, uint8 ``(H, W)`` indices of :attr:`classes`.

        Raises:
            FileNotFoundError: There is no such image.
            UserError: It is damaged.
        """
        if not Path(image).is_file():
            raise FileNotFoundError(f'Expected an image, but there is no {image}.')
        path = self.folder / f'{hashlib.sha256(Path(image).read_bytes()).hexdigest()[:32]}.png'
        stored = _read_stored(path)
        if stored is not None:
            return stored
        labels = self._label(check_photo(read_image(image)))
        write_bytes(path, encode_index_png(labels))
        self.computed += 1
        return labels

    def _label(self, image: np.ndarray) -> np.ndarray:
        from mmseg.apis import inference_model

        size = image.shape[:2]
        seen = image if self._side is None else resize_map(image, model_size(size, self._side, SIDE_MULTIPLE))
        # MMSegmentation takes arrays as OpenCV reads them: BGR.
        result = inference_model(self._loaded(), np.ascontiguousarray(seen[..., ::-1]))
        labels = result.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8)
        if labels.shape == size:
            return labels
        rows, columns = (_nearest(full, part) for full, part in zip(size, labels.shape, strict=True))
        return labels[rows[:, None], columns]

    def _loaded(self) -> Any:
        if self._model is None:
            self._model = load_segmentor(self._settings, self.weights, self.device)
            count = len(self._model.dataset_meta['classes'])
            if count > np.iinfo(np.uint8).max:
                raise UserError(f'Expected a model of at most 255 classes, but {self.config} has {count}.')
        return self._model


def _nearest(full: int, part: int) -> np.ndarray:
    """Return for each of ``full`` pixels the index of the nearest of ``part`` pixels over the same length."""
    return ((np.arange(full) + 0.5) * part / full).astype(np.int64)


def _model_key(settings: Any, weights: Path) -> str:
    described = {name: settings.get(name) for name in ('model', 'data_preprocessor', 'test_pipeline')}
    digest = hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode('utf-8'))
    with weights.open('rb') as file:
        for block in iter(lambda: file.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()[:_KEY_LENGTH]


def _read_stored(path: Path) -> np.ndarray | None:
    """Return a stored label map, or None where there is none or it was cut short."""
    if not path.is_file():
        return None
    try:
        return decode_labels(path.read_bytes(), path)
    except UserError:
        return None
