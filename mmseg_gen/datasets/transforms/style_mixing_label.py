"""Pseudo-labels from variations of an image in many styles (Feng et al., network-free segmentation)."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from mmseg_gen.functional.style_clustering import ClusterSettings
from mmseg_gen.functional.style_foreground import FOUND, ForegroundSettings, label_styles
from mmseg_gen.functional.style_stack import StyleStack
from mmseg_gen.registry import TRANSFORMS


@TRANSFORMS.register_module()
class StyleMixingLabel(BaseTransform):
    """Label an image with the clusters of pixels that change colour together, in place of a stored mask.

    Works while synthesizing and in a training pipeline, after ``LoadStyleStack`` and before anything that moves pixels:

    Required keys: ``img`` (uint8, ``(H, W, 3)``), ``evidence``
    (:class:`~mmseg_gen.functional.style_stack.StyleStack`). Modified keys: ``gt_seg_map`` (uint8 ``(H, W)``: 0
    background, parts from 1 on), ``seg_fields``, ``label_quality`` (``uncertainty`` in [0, 1]).

    Args:
        channel_order: Of ``img``: 'bgr', as MMSegmentation loads it, or 'rgb'.
        **settings: Fields of :class:`~mmseg_gen.functional.style_clustering.ClusterSettings` and of
            :class:`~mmseg_gen.functional.style_foreground.ForegroundSettings`.

    Raises:
        ValueError: ``channel_order`` is neither, or a setting is out of range.
        TypeError: A setting is unknown.
    """

    def __init__(self, channel_order: str = 'bgr', **settings: Any) -> None:
        if channel_order not in ('bgr', 'rgb'):
            raise ValueError(f"Expected `channel_order` 'bgr' or 'rgb', but got {channel_order!r}.")
        self.channel_order = channel_order
        own = {f.name for f in fields(ClusterSettings)}
        self.clustering = ClusterSettings(**{name: value for name, value in settings.items() if name in own})
        self.foreground = ForegroundSettings(**{name: value for name, value in settings.items() if name not in own})

    def transform(self, results: dict) -> dict:
        """Write the label into ``results``.

        Raises:
            ValueError: ``evidence`` is missing or of another method, there are fewer distinct pixels than clusters, or
                there is no confident foreground or background: a sample to drop.
        """
        stack = results.get('evidence')
        if not isinstance(stack, StyleStack):
            raise ValueError(
                f'Expected `evidence` as a style stack in the results, but got {type(stack).__name__}; put '
                'LoadStyleStack before this transform.'
            )
        image = results['img'] if self.channel_order == 'rgb' else results['img'][..., ::-1]
        found = label_styles(stack, np.ascontiguousarray(image), self.clustering, self.foreground)
        if found.outcome != FOUND:
            raise ValueError(f'Expected clusters inside and outside the object, but got {found.outcome}.')
        results['gt_seg_map'] = found.labels
        results['label_quality'] = {'uncertainty': found.uncertainty}
        names = results.setdefault('seg_fields', [])
        if 'gt_seg_map' not in names:
            names.append('gt_seg_map')
        return results

    def __repr__(self) -> str:
        settings = f'clustering={self.clustering}, foreground={self.foreground}'
        return f'{type(self).__name__}(channel_order={self.channel_order!r}, {settings})'
