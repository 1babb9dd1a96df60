"""A trained MMSegmentation model on one photograph."""

from __future__ import annotations

import os

import numpy as np

from mmseg_gen.api.segmentation import Segmentation
from mmseg_gen.datasets.image_reading import check_photo, model_size
from mmseg_gen.engine.inference_config import SIDE_MULTIPLE, inference_config, training_side
from mmseg_gen.errors import UserError
from mmseg_gen.functional.canvas import resize_map, resize_mask


class ModelSegmenter:
    """A trained MMSegmentation model; the mask is the class's channel, or a two-class model's foreground.

    A model whose test pipeline does not resize sees the image at the size it was trained at (`model_size`).

    Args:
        config: Path of the config.
        checkpoint: Path of the weights, or the work folder that holds them.
        class_name: One of the model's classes; any name where the model only knows background and foreground.
        device: Where to run.

    Raises:
        FileNotFoundError: The config or the checkpoint is not there.
        UserError: The checkpoint is not one of MMEngine's or of another model, or the model has no such class.
    """

    def __init__(
        self,
        config: str | os.PathLike[str],
        checkpoint: str | os.PathLike[str],
        class_name: str,
        *,
        device: str = 'cpu',
    ):
        from mmseg_gen import registry  # noqa: F401  makes mmseg importable with mmcv-lite
        from mmseg_gen.engine.checkpoint_fit import load_segmentor
        from mmseg_gen.engine.launch import find_checkpoint

        weights = find_checkpoint(str(checkpoint))
        cfg = inference_config(config)
        self.class_name, self.side = class_name, training_side(cfg)
        self.model = load_segmentor(cfg, weights, device)
        self.index = _class_index(self.model.dataset_meta['classes'], class_name)

    def __call__(self, image: np.ndarray) -> Segmentation:
        """Return the segmentation of an ``(H, W, 3)`` uint8 RGB image."""
        from mmseg.apis import inference_model

        size = check_photo(image).shape[:2]
        seen = image if self.side is None else resize_map(image, model_size(size, self.side, SIDE_MULTIPLE))
        # MMSegmentation takes arrays as OpenCV reads them: BGR.
        result = inference_model(self.model, np.ascontiguousarray(seen[..., ::-1]))
        scores, labels = result.seg_logits.data.float().cpu(), result.pred_sem_seg.data[0].cpu()
        # A model of one channel gives sigmoid probabilities already.
        probability = scores[0] if len(scores) == 1 else scores.softmax(0)[self.index]
        mask = resize_mask((labels == self.index).numpy(), size)
        return Segmentation(mask, resize_map(probability.numpy(), size), self.class_name)


def _class_index(classes: tuple[str, ...], class_name: str) -> int:
    names = [name.lower() for name in classes]
    if class_name.lower() in names:
        return names.index(class_name.lower())
    if len(names) > 2:
        raise UserError(f'Expected a class of the model ({", ".join(classes)}), but got {class_name!r}.')
    return len(names) - 1
