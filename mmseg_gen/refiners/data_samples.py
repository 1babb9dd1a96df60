"""Between MMSegmentation's data samples and the contract of refiners."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import mmcv
import mmengine.fileio
import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_gen.datasets.image_reading import read_image
from mmseg_gen.refiners.contract import Refiner, hard_labels

_TINY = 1e-8


def image_of(sample: SegDataSample) -> np.ndarray:
    """Return the image that a sample was predicted for, at its own size, RGB uint8 ``(H, W, 3)``.

    Raises:
        ValueError: The sample says neither ``ori_img`` nor ``img_path``.
    """
    if 'ori_img' in sample.metainfo:
        return sample.metainfo['ori_img']
    path = sample.metainfo.get('img_path')
    if path is None:
        raise ValueError(
            'Expected data samples with `img_path`, from which the image is read again for refinement, but got '
            f'{sorted(name for name, value in sample.metainfo.items() if value is not None)}; list it in the meta_keys '
            'of PackSegInputs.'
        )
    if Path(path).is_file():
        return read_image(path)
    return mmcv.imfrombytes(mmengine.fileio.get(path), channel_order='rgb')


def keep_arrays(inputs: Sequence[Tensor], samples: Sequence[SegDataSample]) -> None:
    """Give samples that came as arrays, so without a file to read again, their image as ``ori_img``.

    Args:
        inputs: What the pipeline packed, BGR uint8 ``(3, h, w)``; where it resized, the image is resized back.
        samples: Those of the inputs; changed in place.
    """
    for pixels, sample in zip(inputs, samples, strict=True):
        known = sample.metainfo
        if known.get('img_path') is None and 'ori_img' not in known and pixels.dtype == torch.uint8:
            height, width = sample.ori_shape
            image = mmcv.imresize(pixels.permute(1, 2, 0).cpu().numpy(), (width, height))
            sample.set_metainfo({'ori_img': np.ascontiguousarray(image[..., ::-1])})


def probabilities_of(logits: Tensor) -> np.ndarray:
    """Return what MMSegmentation stores as ``seg_logits`` as probabilities, float32 ``(C, H, W)``.

    Of one channel it stores the sigmoid already.
    """
    logits = logits.detach().float()
    return (logits if len(logits) == 1 else logits.softmax(0)).cpu().numpy()


def refine_samples(
    refiner: Refiner, samples: Sequence[SegDataSample], classes: Sequence[str] | None, threshold: float = 0.5
) -> Sequence[SegDataSample]:
    """Write refined ``seg_logits`` (log-probabilities; of one channel the probability) and ``pred_sem_seg``.

    Args:
        refiner: The refiner.
        samples: Predictions at the images' own sizes; changed in place and returned.
        classes: Names of the classes; a single channel may come with two names, the background first.
        threshold: Of the foreground where there is one channel.

    Raises:
        ValueError: The names are missing or do not fit.
    """
    if not classes:
        raise ValueError(
            'Expected the names of the classes for refinement, but got none: RefinementHook takes them from the data '
            'set, metainfo=dict(classes=[...]), RefinedEncoderDecoder from its own `classes`, or from `dataset_meta`.'
        )
    for sample in samples:
        logits = sample.seg_logits.data
        names = list(classes)[-1:] if len(logits) == 1 and len(classes) == 2 else list(classes)
        refined = refiner(image_of(sample), probabilities_of(logits), names)
        labels = torch.from_numpy(hard_labels(refined, threshold))[None].to(logits.device)
        values = torch.from_numpy(refined).to(logits.device)
        stored = values if len(values) == 1 else values.clamp(min=_TINY).log()
        sample.set_data({'seg_logits': PixelData(data=stored), 'pred_sem_seg': PixelData(data=labels)})
    return samples
