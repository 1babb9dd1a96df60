"""Pseudo-labels from variations of an image in many styles (Feng et al., network-free segmentation)."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from mmseg_gen.datasets.transforms.channel_order import check_channel_order, rgb_image
from mmseg_gen.datasets.transforms.written_labels import write_labels
from mmseg_gen.errors import Undecided
from mmseg_gen.functional.style_clustering import ClusterSettings
from mmseg_gen.functional.style_foreground import FOUND, ForegroundSettings, label_styles
from mmseg_gen.functional.style_objects import label_objects
from mmseg_gen.functional.style_stack import StyleStack
from mmseg_gen.registry import TRANSFORMS


@TRANSFORMS.register_module()
class StyleMixingLabel(BaseTransform):
    """Label an image with the clusters of pixels that change colour together, in place of a stored mask.

    Works while synthesizing and in a training pipeline, after ``LoadEvidence`` and before anything that moves pixels.
    Where the stack has boxes, each object is clustered by itself inside its box.

    Required keys: ``img`` (uint8, ``(H, W, 3)``), ``evidence``
    (:class:`~mmseg_gen.functional.style_stack.StyleStack`). Modified keys: ``gt_seg_map`` (uint8 ``(H, W)``: 0
    background, parts from 1 on, or the labels of the boxes), ``seg_fields``, ``label_quality`` (``uncertainty`` in
    [0, 1]; with boxes ``boxes``, their number, and ``boxes_dropped``, that of boxes without a confident object).

    Args:
        channel_order: Of ``img``: 'bgr', as MMSegmentation loads it, or 'rgb'.
        **settings: Fields of :class:`~mmseg_gen.functional.style_clustering.ClusterSettings` and of
            :class:`~mmseg_gen.functional.style_foreground.ForegroundSettings`.

    Raises:
        ValueError: ``channel_order`` is neither, or a setting is out of range.
        TypeError: A setting is unknown.
    """

    def __init__(self, channel_order: str = 'bgr', **settings: Any) -> None:
        self.channel_order = check_channel_order(channel_order)
        own = {f.name for f in fields(ClusterSettings)}
        self.clustering = ClusterSettings(**{name: value for name, value in settings.items() if name in own})
        self.foreground = ForegroundSettings(**{name: value for name, value in settings.items() if name not in own})

    def transform(self, results: dict) -> dict:
        """Write the label into ``results``.

        Raises:
            ValueError: ``evidence`` is missing or of another method, there are fewer distinct pixels than clusters, or
                a box lies outside the image.
            Undecided: There is no confident foreground or background, in no box: a sample to drop.
        """
        stack = results.get('evidence')
        if not isinstance(stack, StyleStack):
            raise ValueError(
                f'Expected `evidence` as a style stack in the results, but got {type(stack).__name__}; put '
                'LoadEvidence before this transform, on a set made by style mixing.'
            )
        image = rgb_image(results['img'], self.channel_order)
        labelled = self._whole if stack.boxes is None else self._objects
        return write_labels(results, *labelled(stack, image))

    def _whole(self, stack: StyleStack, image: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
        found = label_styles(stack, image, self.clustering, self.foreground)
        if found.outcome != FOUND:
            raise Undecided(found.outcome)
        return found.labels, {'uncertainty': found.uncertainty}

    def _objects(self, stack: StyleStack, image: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
        found = label_objects(stack, image, self.clustering, self.foreground)
        dropped = sum(outcome != FOUND for outcome in found.outcomes)
        if dropped == len(found.outcomes):
            raise Undecided(f'{found.outcomes[0]} in any box' if found.outcomes else 'no box')
        counts = {'boxes': float(len(found.outcomes)), 'boxes_dropped': float(dropped)}
        return found.labels, {'uncertainty': found.uncertainty, **counts}

    def __repr__(self) -> str:
        settings = f'clustering={self.clustering}, foreground={self.foreground}'
        return f'{type(self).__name__}(channel_order={self.channel_order!r}, {settings})'
