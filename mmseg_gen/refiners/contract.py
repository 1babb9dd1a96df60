"""The contract of every refiner: an image, class probabilities and class names in, better probabilities out.

Shape letters: C classes, ``(H, W)`` the image.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmseg_gen.functional.canvas import check_image

BACKGROUND = 'background'
# Float16 softmax over 171 classes is off by less.
_SUM_TOLERANCE = 5e-3


@dataclass(frozen=True)
class Refinement:
    """The two results of a refinement.

    Attributes:
        probabilities: Float32 ``(C, H, W)``; they sum to 1, or C is 1 and they are the foreground's.
        labels: The class of largest probability, int64 ``(H, W)``; with C = 1, 1 where the foreground exceeds one half.
    """

    probabilities: np.ndarray
    labels: np.ndarray


def hard_labels(probabilities: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Return the label of each pixel, int64 ``(H, W)``.

    Args:
        probabilities: ``(C, H, W)``.
        threshold: Of the foreground where C is 1.
    """
    if len(probabilities) == 1:
        return (probabilities[0] > threshold).astype(np.int64)
    return probabilities.argmax(0)


def check_refiner_input(image: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> None:
    """Refuse what no refiner can use; nothing is repaired silently.

    Raises:
        TypeError: ``image`` is not uint8, or ``probabilities`` not floating point.
        ValueError: A shape does not fit; probabilities are NaN, outside [0, 1], or do not sum to 1; or there is not one
            name per class.
    """
    check_image(image)
    if not isinstance(probabilities, np.ndarray) or probabilities.dtype.kind != 'f':
        kind = getattr(probabilities, 'dtype', type(probabilities).__name__)
        raise TypeError(f'Expected `probabilities` to be a float array, but got {kind}.')
    if probabilities.ndim != 3 or probabilities.shape[1:] != image.shape[:2] or not len(probabilities):
        raise ValueError(
            f'Expected `probabilities` of shape (C, {image.shape[0]}, {image.shape[1]}), the size of the image, but '
            f'got {probabilities.shape}; resize them first.'
        )
    if isinstance(classes, str) or len(classes) != len(probabilities):
        raise ValueError(
            f'Expected one of `classes` for each of {len(probabilities)} channels, but got {list(classes)[:5]} '
            f'({len(classes)}).'
        )
    if not np.isfinite(probabilities).all():
        raise ValueError('Expected `probabilities` to be finite, but got NaN or infinite values.')
    low, high = float(probabilities.min()), float(probabilities.max())
    if low < -_SUM_TOLERANCE or high > 1 + _SUM_TOLERANCE:
        raise ValueError(
            f'Expected `probabilities` in [0, 1], but got values from {low:.4g} to {high:.4g}; logits need a softmax '
            '(one channel: a sigmoid) first.'
        )
    total = probabilities.sum(0, dtype=np.float64)
    if len(probabilities) > 1 and np.abs(total - 1).max() > _SUM_TOLERANCE:
        raise ValueError(
            f'Expected `probabilities` to sum to 1 at each pixel, but got sums from {total.min():.4g} to '
            f'{total.max():.4g}; divide by the sum, or add the background as a class.'
        )


class Refiner(ABC):
    """A refiner; subclasses work on at least two classes, and get a background where there is one class only."""

    def __call__(self, image: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> np.ndarray:
        """Return refined probabilities, float32 ``(C, H, W)``; the arguments stay as they are.

        Args:
            image: RGB uint8 ``(H, W, 3)``.
            probabilities: ``(C, H, W)``, summing to 1 over C; with C = 1, those of the foreground.
            classes: C names.

        Raises:
            TypeError: A type does not fit.
            ValueError: See :func:`check_refiner_input`.
        """
        check_refiner_input(image, probabilities, classes)
        values = np.clip(probabilities, 0, 1).astype(np.float32)
        if len(values) > 1:
            return self._refine(image, values, list(classes))
        both = np.concatenate([1 - values, values])
        return self._refine(image, both, [BACKGROUND, *classes])[1:]

    def refine(self, image: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> Refinement:
        """Return soft and hard results; arguments as in :meth:`__call__`."""
        refined = self(image, probabilities, classes)
        return Refinement(refined, hard_labels(refined))

    def load(self) -> None:  # noqa: B027  (most refiners have no weights)
        """Load the weights now, where there are any: what is missing then shows before the first image.

        Raises:
            UserError: They are not on this machine.
        """

    @abstractmethod
    def _refine(self, image: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> np.ndarray:
        """Return refined probabilities ``(C, H, W)`` of C > 1 classes; inputs are checked and must not be changed."""
