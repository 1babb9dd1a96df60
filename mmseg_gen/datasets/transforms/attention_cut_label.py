"""Pseudo-labels from attention evidence by AttentionCut (DiffusionSeg, Sec. 3.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from mmseg_gen.datasets.transforms.channel_order import check_channel_order, rgb_image
from mmseg_gen.datasets.transforms.written_labels import write_labels
from mmseg_gen.functional.attention_cut import CutSettings, attention_cut
from mmseg_gen.registry import TRANSFORMS


@TRANSFORMS.register_module()
class AttentionCutLabel(BaseTransform):
    """Label an image with the foreground that its evidence gives, in place of a stored mask.

    Works while synthesizing and in a training pipeline, after ``LoadEvidence`` and before anything that
    moves pixels:

    Required keys: ``img`` (uint8, ``(H, W, 3)``), ``evidence``
    (:class:`~mmseg_gen.functional.evidence.Evidence`). Modified keys: ``gt_seg_map`` (uint8 in {0, 1}, ``(H,
    W)``), ``seg_fields``, ``label_quality`` (``uncertainty`` in [0, 1], ``energy``).

    Args:
        channel_order: Of ``img``: 'bgr', as MMSegmentation loads it, or 'rgb'.
        **settings: Fields of :class:`~mmseg_gen.functional.attention_cut.CutSettings`.

    Raises:
        ValueError: ``channel_order`` is neither, or a setting is out of range.
        TypeError: A setting is unknown.
    """

    def __init__(self, channel_order: str = 'bgr', **settings: Any) -> None:
        self.channel_order = check_channel_order(channel_order)
        self.settings = CutSettings(**settings)

    def transform(self, results: dict) -> dict:
        """Write the label into ``results``.

        Raises:
            ValueError: ``evidence`` is missing, or image and evidence cannot be cut.
        """
        if 'evidence' not in results:
            raise ValueError(
                'Expected `evidence` in the results, but got none; put LoadEvidence before this transform.'
            )
        image = rgb_image(results['img'], self.channel_order)
        cut = attention_cut(results['evidence'], image, self.settings)
        quality = {'uncertainty': cut.uncertainty, 'energy': cut.energy}
        return write_labels(results, cut.mask.astype(np.uint8), quality)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(channel_order={self.channel_order!r}, settings={self.settings})'
