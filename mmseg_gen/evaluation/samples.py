"""What metrics read from MMEngine's samples, and how they treat ground truth that cannot be right.

A sample is the dict that MMEngine hands to a metric: ``pred_sem_seg``, ``gt_sem_seg`` and ``seg_logits`` with a
tensor or array under ``data``, and the meta keys, ``img_path`` among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from torch import Tensor

_SHOWN = 5


class BinaryPair(NamedTuple):
    """A predicted and a true mask of one image, bool ``(H, W)``, and where the truth is known."""

    prediction: np.ndarray
    truth: np.ndarray
    valid: np.ndarray


# No tuple: MMEngine rebuilds tuples as plain ones when it collects results.
@dataclass(frozen=True)
class TruthCounts:
    """How many pixels of an image's truth are foreground, background and ignored, and the image's name."""

    name: str
    foreground: int
    background: int
    ignored: int


def sample_name(sample: dict) -> str:
    """Return the path of a sample's image, or 'a sample'."""
    return str(sample.get('img_path') or 'a sample')


@contextmanager
def naming(sample: dict) -> Iterator[None]:
    """Put the image's name before the text of a ValueError or TypeError from inside."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise type(error)(f'{sample_name(sample)}: {error}') from error


def class_names(metric: BaseMetric) -> Sequence[str]:
    """Return the names of the classes of the data set that a metric scores.

    Raises:
        ValueError: The data set does not say.
    """
    classes = (metric.dataset_meta or {}).get('classes')
    if not classes:
        raise ValueError('Expected `classes` in the metainfo of the data set, but got none: set its METAINFO.')
    return classes


def label_plane(sample: dict, key: str) -> np.ndarray:
    """Return the labels under a key as an array ``(H, W)``.

    Raises:
        ValueError: The sample has no such key, or its data is no single plane.
    """
    if key not in sample:
        cure = ': the test pipeline must load annotations.' if key == 'gt_sem_seg' else '.'
        raise ValueError(f'Expected `{key}` for {sample_name(sample)}, but got {sorted(sample)}{cure}')
    data = sample[key]['data']
    # `detach` and `cpu` let go of Python's lock each, for which a thread that reads ahead waits too.
    forced = isinstance(data, Tensor) and (data.requires_grad or data.device.type != 'cpu')
    plane = data.numpy(force=True) if forced else np.asarray(data)
    if plane.ndim == 3 and len(plane) == 1:
        plane = plane[0]
    if plane.ndim != 2 or not plane.size:
        raise ValueError(f'Expected `{key}` of {sample_name(sample)} as (1, H, W), but got {plane.shape}.')
    return plane


def label_pair(sample: dict, key: str = 'pred_sem_seg') -> tuple[np.ndarray, np.ndarray]:
    """Return the labels under a key and the true ones, ``(H, W)`` each.

    Raises:
        ValueError: One is missing, or their sizes differ.
    """
    prediction, truth = label_plane(sample, key), label_plane(sample, 'gt_sem_seg')
    check_sizes(sample, prediction.shape, truth.shape)
    return prediction, truth


def check_sizes(sample: dict, prediction: Sequence[int], truth: Sequence[int]) -> None:
    """Raise ValueError where the sizes ``(H, W)`` differ."""
    if tuple(prediction) != tuple(truth):
        raise ValueError(
            f'Expected the ground truth of {sample_name(sample)} to have the size of the prediction '
            f'{tuple(prediction)}, but got {tuple(truth)}: load annotations after the resize.'
        )


def binary_pair(sample: dict, ignore_index: int) -> BinaryPair:
    """Return the masks of a sample whose labels are 0 and 1.

    Args:
        sample: With ``pred_sem_seg`` and ``gt_sem_seg``.
        ignore_index: Label of the truth at pixels that do not count.

    Raises:
        ValueError: A map holds another label, one is missing, or the sizes differ.
    """
    prediction, truth = label_pair(sample)
    valid = check_binary(sample, truth, ignore_index)
    values = prediction[valid]
    if values.dtype != bool and values.size and not ((values == 0) | (values == 1)).all():
        raise ValueError(
            f'Expected labels 0 and 1 in `pred_sem_seg` of {sample_name(sample)}, but got up to {values.max()}: '
            'this metric is for two classes.'
        )
    return BinaryPair(prediction == 1, truth == 1, valid)


def check_binary(sample: dict, truth: np.ndarray, ignore_index: int) -> np.ndarray:
    """Return where the truth is not ignored, bool ``(H, W)``, if it holds 0, 1 and ``ignore_index`` only.

    Raises:
        ValueError: It holds another value.
    """
    valid = truth != ignore_index
    other = truth[valid & (truth != 0) & (truth != 1)]
    if other.size:
        raise ValueError(
            f'Expected 0, 1 and {ignore_index} (ignored) in the ground truth of {sample_name(sample)}, '
            f'but got {int(other[0])}: load masks of 0 and 255 with `LoadBinaryMask`.'
        )
    return valid


def count_truth(sample: dict, truth: np.ndarray, valid: np.ndarray) -> TruthCounts:
    """Return the counts of a two-class truth; every image should leave one, also one that is not scored."""
    known, foreground = int(np.count_nonzero(valid)), int(np.count_nonzero((truth == 1) & valid))
    return TruthCounts(sample_name(sample), foreground, known - foreground, truth.size - known)


def images_with_truth(metric: str, results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the results of images with any pixel to score; the others are counted and listed in the log.

    Args:
        metric: Name for the messages.
        results: One per image, with :class:`TruthCounts` under ``truth``.

    Raises:
        ValueError: There is no such image, or the truth of none shows foreground while pixels are ignored:
            masks of 0 and 255 read as labels look like that.
    """
    counts = [result['truth'] for result in results]
    scored = [r for r in results if r['truth'].foreground + r['truth'].background]
    if not scored:
        raise ValueError(f'{metric}: expected at least one image with ground truth to evaluate, but got none.')
    silent = [c.name for c in counts if not c.foreground and c.ignored]
    if silent and not any(c.foreground for c in counts):
        raise ValueError(
            f'{metric}: expected foreground in the ground truth, but got only background and ignored pixels '
            f'({shortened(silent)}): masks of 0 and 255 must be loaded with `LoadBinaryMask`.'
        )
    empty = [c.name for c in counts if not c.foreground + c.background]
    if empty:
        warn(f'{metric}: left out {len(empty)} of {len(counts)} images, all ignored: {shortened(empty)}.')
    if len(silent) > len(empty):
        partly = [name for name in silent if name not in set(empty)]
        warn(
            f'{metric}: {len(partly)} of {len(counts)} images have ignored pixels and no foreground, '
            f'are their masks of 0 and 255? {shortened(partly)}.'
        )
    return scored


def foreground_scores(sample: dict) -> Tensor:
    """Return the foreground's probability ``(H, W)`` in [0, 1] from a sample's ``seg_logits``.

    Raises:
        ValueError: There are none, they have more than two channels, or hold NaN.
    """
    if 'seg_logits' not in sample:
        raise ValueError(f'Expected `seg_logits` in the prediction of {sample_name(sample)}, but got {sorted(sample)}.')
    logits = torch.as_tensor(sample['seg_logits']['data']).float()
    if logits.ndim != 3 or logits.shape[0] not in (1, 2):
        raise ValueError(f'Expected `seg_logits` of shape (1 or 2, H, W), but got {tuple(logits.shape)}.')
    if torch.isnan(logits).any():
        raise ValueError(
            f'Expected numbers in `seg_logits` of {sample_name(sample)}, but got NaN: '
            'the model has diverged, or its precision is too low for it.'
        )
    return logits.softmax(0)[1] if len(logits) == 2 else logits[0]


def shortened(names: Sequence[str]) -> str:
    """Return the first names, and '...' for the rest."""
    return ', '.join(names[:_SHOWN]) + (', ...' if len(names) > _SHOWN else '')


def warn(text: str) -> None:
    """Log a warning where MMEngine's runs log."""
    MMLogger.get_current_instance().warning(text)
