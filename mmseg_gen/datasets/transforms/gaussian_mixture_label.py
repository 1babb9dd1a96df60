"""Pseudo-labels from attention evidence by a Gaussian mixture (fobadiffusion, Sec. 3)."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform

from mmseg_gen.datasets.transforms.written_labels import write_labels
from mmseg_gen.functional.canvas import resize_mask
from mmseg_gen.functional.evidence import Evidence, cross_map
from mmseg_gen.functional.gaussian_mixture import RULES, MixtureMask, mixture_mask
from mmseg_gen.registry import TRANSFORMS


@TRANSFORMS.register_module()
class GaussianMixtureLabel(BaseTransform):
    """Label an image with the preliminary mask of its evidence, in place of a stored mask.

    The mixture is fitted on the attention's grid and the mask brought to the image's size. Works while synthesizing and
    in a training pipeline, after ``LoadEvidence`` and before anything that moves pixels:

    Required keys: ``img`` (``(H, W, 3)``), ``evidence`` (:class:`~mmseg_gen.functional.evidence.Evidence`).
    Modified keys: ``gt_seg_map`` (uint8 in {0, 1}, ``(H, W)``; zeros where the mixture is degenerate), ``seg_fields``,
    ``label_quality`` (``uncertainty`` in [0, 1], ``degenerate`` 1 where the mask has no edge), ``label_outcome`` (a
    word of :data:`~mmseg_gen.functional.gaussian_mixture.OUTCOMES`).

    Args:
        rule: 'means', the threshold half-way between the components' means, or 'posterior'.
        orphans: Drop orphan pixels.
        top_k: Layers of largest deviation that are averaged; None for all, as in the paper.

    Raises:
        ValueError: ``rule`` or ``top_k`` is out of range.
    """

    def __init__(self, rule: str = 'means', orphans: bool = True, top_k: int | None = None) -> None:
        if rule not in RULES:
            raise ValueError(f'Expected `rule` from {", ".join(RULES)}, but got {rule!r}.')
        if top_k is not None and top_k < 1:
            raise ValueError(f'Expected `top_k` to be 1 or more, or None, but got {top_k}.')
        self.rule, self.orphans, self.top_k = rule, orphans, top_k

    def transform(self, results: dict) -> dict:
        """Write the label into ``results``.

        Raises:
            ValueError: ``evidence`` is missing or of several classes, or ``top_k`` exceeds its layers.
        """
        evidence = results.get('evidence')
        if not isinstance(evidence, Evidence):
            raise ValueError(
                f'Expected `evidence` of one class in the results, but got {type(evidence).__name__}; put LoadEvidence '
                'before this transform, and use SceneCutLabel for sets of several classes.'
            )
        found = self._label(evidence)
        mask = resize_mask(found.mask, results['img'].shape[:2])
        results['label_outcome'] = found.outcome
        quality = {'uncertainty': found.uncertainty, 'degenerate': float(found.outcome != 'found')}
        return write_labels(results, mask.astype(np.uint8), quality)

    def _label(self, evidence: Evidence) -> MixtureMask:
        values = evidence.cross.mean(0) if self.top_k is None else cross_map(evidence, self.top_k)
        return mixture_mask(values, rule=self.rule, orphans=self.orphans)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(rule={self.rule!r}, orphans={self.orphans}, top_k={self.top_k})'
