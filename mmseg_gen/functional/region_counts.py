"""Integer counts of labels against labels, and the scores that follow from them.

Shape letters: C classes. Counts are int64: sums over a data set are exact, whatever their order.
"""

from __future__ import annotations

import cv2
import numpy as np

# OpenCV counts in float32, which holds every integer up to here.
_EXACT = 1 << 24


def confusion_matrix(
    prediction: np.ndarray, truth: np.ndarray, num_classes: int, ignore_index: int = 255
) -> np.ndarray:
    """Return how many pixels of class i (row) were labelled j (column), int64 ``(C, C)``.

    Args:
        prediction: Integer labels in [0, C), any shape; at ignored pixels any integer.
        truth: Integer labels in [0, C), or ``ignore_index``, of the same shape.
        num_classes: C.
        ignore_index: Value of the truth at pixels that do not count.

    Raises:
        TypeError: A map does not hold integers.
        ValueError: The shapes differ, or a label is out of range.

    Example:
        >>> confusion_matrix(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 255]), 2).tolist()
        [[1, 1], [0, 1]]
    """
    _check_maps(prediction, truth)
    true, predicted = _flat(truth), _flat(prediction)
    counts: np.ndarray = np.zeros((num_classes, num_classes), np.int64)
    for start in range(0, len(true), _EXACT):
        counts += _count_pairs(true[start : start + _EXACT], predicted[start : start + _EXACT], num_classes)
    if 0 <= ignore_index < num_classes:
        counts[ignore_index] = 0
    # Both ways of counting pass over labels that are out of range.
    passed = len(true) - int(counts.sum())
    if passed and passed != np.count_nonzero(true == ignore_index):
        counted = true != ignore_index
        _check_range('truth', true[counted], num_classes, f' (or {ignore_index}, ignored)')
        _check_range('prediction', predicted[counted], num_classes)
    return counts


def _flat(labels: np.ndarray) -> np.ndarray:
    """Return the labels as a vector, as bytes where they fit: those are counted several times quicker."""
    flat = labels.reshape(-1)
    if flat.dtype == np.int8:
        # As bytes, -1 would be 255.
        flat = flat.astype(np.int16)
    # Without a sign, numbers below 0 are the largest: one pass finds both.
    unsigned: np.ndarray = flat.view(flat.dtype.str.replace('i', 'u'))
    if flat.dtype == np.uint8 or (flat.dtype != bool and unsigned.max() > np.iinfo(np.uint8).max):
        return flat
    return flat.astype(np.uint8)


def _count_pairs(true: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    if true.dtype == predicted.dtype == np.uint8 and 1 < num_classes <= 256:
        side, limits = [num_classes] * 2, [0, num_classes] * 2
        planes = [np.ascontiguousarray(true), np.ascontiguousarray(predicted)]
        return cv2.calcHist(planes, [0, 1], None, side, limits).astype(np.int64)
    true, predicted = true.astype(np.int64), predicted.astype(np.int64)
    inside = (true >= 0) & (true < num_classes) & (predicted >= 0) & (predicted < num_classes)
    keys = true[inside] * num_classes + predicted[inside]
    return np.bincount(keys, minlength=num_classes**2).reshape(num_classes, num_classes)


def class_iou(confusion: np.ndarray) -> np.ndarray:
    """Return each class's intersection over union, float64 ``(..., C)``; NaN for one in neither map.

    A class that is predicted and never true has IoU 0 and counts in a mean over classes.

    Args:
        confusion: Counts ``(..., C, C)``, rows true.

    Example:
        >>> class_iou(np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0]])).tolist()
        [0.5, 0.5, nan]
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return _ratio(hits, confusion.sum(-1) + confusion.sum(-2) - hits)


def class_accuracy(confusion: np.ndarray) -> np.ndarray:
    """Return the share of each true class that was found, float64 ``(..., C)``; NaN for one that is never true.

    Args:
        confusion: Counts ``(..., C, C)``, rows true.
    """
    return _ratio(np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(-1))


def total_accuracy(confusion: np.ndarray) -> np.ndarray:
    """Return the share of counted pixels with the right label, ``(...)``; NaN where none counted.

    Args:
        confusion: Counts ``(..., C, C)``, rows true.
    """
    return _ratio(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum((-2, -1)))


def mean_of_present(values: np.ndarray) -> float:
    """Return the mean over what is not NaN; NaN where nothing is.

    Example:
        >>> mean_of_present(np.array([0.5, np.nan, 1.0]))
        0.75
    """
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float('nan')


def mask_iou(first: np.ndarray, second: np.ndarray) -> float:
    """Return the intersection over union of two bool masks of one shape; 1 where both are empty.

    Example:
        >>> mask_iou(np.array([True, True, False]), np.array([True, False, False]))
        0.5
    """
    union = np.count_nonzero(first | second)
    return float(np.count_nonzero(first & second) / union) if union else 1.0


def image_iou(confusion: np.ndarray) -> float:
    """Return an image's mean IoU over the classes in its truth or its prediction; NaN if no pixel counts."""
    return mean_of_present(class_iou(confusion))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    whole = np.asarray(whole, np.float64)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def _check_maps(prediction: np.ndarray, truth: np.ndarray) -> None:
    for name, labels in (('prediction', prediction), ('truth', truth)):
        if labels.dtype.kind not in 'uib':
            raise TypeError(f'Expected `{name}` to hold integers, but got {labels.dtype}.')
    if prediction.shape != truth.shape or truth.size == 0:
        raise ValueError(f'Expected `prediction` of the shape of `truth`, {truth.shape}, but got {prediction.shape}.')


def _check_range(name: str, labels: np.ndarray, num_classes: int, also: str = '') -> None:
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if wrong.size:
        raise ValueError(
            f'Expected labels of `{name}` in [0, {num_classes - 1}]{also}, but got {int(wrong[0])}: '
            'check the classes of the data set and how its masks are read.'
        )
