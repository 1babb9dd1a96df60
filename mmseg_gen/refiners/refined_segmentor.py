"""Segmentors that refine what they predict, for MMSegmentation's inference API, where no hook runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmseg.models.segmentors import EncoderDecoder
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_gen.refiners.contract import Refiner
from mmseg_gen.refiners.data_samples import keep_arrays, refine_samples
from mmseg_gen.registry import MODELS, REFINERS


class RefinementMixin:
    """Put it before a segmentor's class: the same weights load, and predictions are refined.

    Under test-time augmentation it refines each view; use ``RefinementHook`` there.

    Args:
        refiner: Config of a refiner, or a refiner; None refines nothing.
        classes: Names of the classes; None takes those of ``dataset_meta``, which ``init_model`` sets.
        **settings: Of the segmentor.
    """

    def __init__(
        self, *, refiner: dict | Refiner | None = None, classes: Sequence[str] | None = None, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self.refiner = REFINERS.build(refiner) if isinstance(refiner, dict) else refiner
        self.classes = None if classes is None else list(classes)

    def test_step(self, data: dict) -> list[SegDataSample]:
        """Return the predictions for what a pipeline packed, files or arrays."""
        if self.refiner is not None:
            keep_arrays(data['inputs'], data['data_samples'])
        return super().test_step(data)

    def postprocess_result(
        self, seg_logits: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Return the predictions, refined where the images are known and the model is not training."""
        samples = super().postprocess_result(seg_logits, data_samples)
        if self.refiner is None or self.training or data_samples is None:
            return samples
        known = getattr(self, 'dataset_meta', None) or {}
        threshold = getattr(self.decode_head, 'threshold', None) or 0.5
        return refine_samples(self.refiner, samples, self.classes or known.get('classes'), threshold)


@MODELS.register_module()
class RefinedEncoderDecoder(RefinementMixin, EncoderDecoder):
    """MMSegmentation's ``EncoderDecoder`` that refines what it predicts."""
