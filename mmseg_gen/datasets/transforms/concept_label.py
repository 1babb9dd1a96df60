"""Refined masks of generated images: attention, and what changes when the object is painted over (fobadiffusion)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from mmseg_gen.datasets.transforms.written_labels import write_labels
from mmseg_gen.functional.canvas import resize_map
from mmseg_gen.functional.concept_evidence import ConceptEvidence
from mmseg_gen.functional.concept_labels import MixtureSettings, label_concepts, refine_labels
from mmseg_gen.functional.inpainting import difference_map
from mmseg_gen.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ConceptLabel(BaseTransform):
    """Label an image by its :class:`~mmseg_gen.functional.concept_evidence.ConceptEvidence`.

    Works while synthesizing and in a training pipeline, before anything that moves pixels. The maps are brought to the
    image's size first.

    Required keys: ``img`` (BGR uint8 ``(H, W, 3)``), ``evidence``. Modified keys: ``gt_seg_map`` (uint8 ``(H, W)``: 0
    background, the concepts' ids), ``seg_fields``, ``label_quality`` (``uncertainty`` in [0, 1]).

    Args:
        preliminary: Fields of :class:`~mmseg_gen.functional.concept_labels.MixtureSettings` for the maps.
        refine: The same for the difference; None stops at the preliminary labels.

    Raises:
        TypeError: A setting is unknown.
        ValueError: A setting is out of range.
    """

    def __init__(self, preliminary: dict[str, Any] | None = None, refine: dict[str, Any] | None = None) -> None:
        self.preliminary = MixtureSettings(**(preliminary or {}))
        self.refine = None if refine is None else MixtureSettings(**refine)

    def transform(self, results: dict) -> dict:
        """Write the label map into ``results``.

        Raises:
            ValueError: ``evidence`` is missing or of another kind, or the background has another size than the image.
        """
        evidence = results.get('evidence')
        if not isinstance(evidence, ConceptEvidence):
            raise ValueError(
                f'Expected `evidence` of concept distillation in the results, but got {type(evidence).__name__}.'
            )
        image = np.ascontiguousarray(results['img'][..., ::-1])
        found = label_concepts(np.stack([resize_map(m, image.shape[:2]) for m in evidence.maps]), self.preliminary)
        if self.refine is not None:
            found = refine_labels(difference_map(image, evidence.background), found.labels, self.refine)
        ids = evidence.class_ids or (1,)
        labels = np.array([0, *ids], np.uint8)[found.labels]
        return write_labels(results, labels, {'uncertainty': found.uncertainty})

    def __repr__(self) -> str:
        refine = None if self.refine is None else asdict(self.refine)
        return f'{type(self).__name__}(preliminary={asdict(self.preliminary)}, refine={refine})'
