"""Label maps of several classes from attention evidence: AttentionCut with more than two labels (ours)."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from mmcv.transforms import BaseTransform

from mmseg_gen.datasets.transforms.channel_order import check_channel_order, rgb_image
from mmseg_gen.datasets.transforms.written_labels import write_labels
from mmseg_gen.functional.attention_cut import CutSettings
from mmseg_gen.functional.multiclass import IGNORED, SceneSettings, label_scene
from mmseg_gen.functional.scene_evidence import SceneEvidence
from mmseg_gen.registry import TRANSFORMS


@TRANSFORMS.register_module()
class SceneCutLabel(BaseTransform):
    """Label an image with the classes of its prompt, in place of a stored label map.

    Works while synthesizing with ``synthesis.objects`` and in a training pipeline, after ``LoadEvidence`` and before
    anything that moves pixels:

    Required keys: ``img`` (uint8, ``(H, W, 3)``), ``evidence``
    (:class:`~mmseg_gen.functional.scene_evidence.SceneEvidence`). Modified keys: ``gt_seg_map`` (uint8 ``(H, W)``: 0
    background, class ids, 255 ignored), ``seg_fields``, ``label_quality`` (``uncertainty`` in [0, 1], ``energy``,
    ``missing`` classes, ``ignored`` share).

    Args:
        channel_order: Of ``img``: 'bgr', as MMSegmentation loads it, or 'rgb'.
        **settings: Fields of :class:`~mmseg_gen.functional.multiclass.SceneSettings` and of
            :class:`~mmseg_gen.functional.attention_cut.CutSettings`.

    Raises:
        ValueError: ``channel_order`` is neither, or a setting is out of range.
        TypeError: A setting is unknown.
    """

    def __init__(self, channel_order: str = 'bgr', **settings: Any) -> None:
        self.channel_order = check_channel_order(channel_order)
        own = {f.name for f in fields(SceneSettings)}
        self.scene = SceneSettings(**{name: value for name, value in settings.items() if name in own})
        self.cut = CutSettings(**{name: value for name, value in settings.items() if name not in own})

    def transform(self, results: dict) -> dict:
        """Write the label map into ``results``.

        Raises:
            ValueError: ``evidence`` is missing or of one class only, or image and evidence cannot be cut.
        """
        evidence = results.get('evidence')
        if not isinstance(evidence, SceneEvidence):
            raise ValueError(
                f'Expected `evidence` of several classes in the results, but got {type(evidence).__name__}; make the '
                'set with `synthesis.objects`, and put LoadEvidence before this transform.'
            )
        image = rgb_image(results['img'], self.channel_order)
        found = label_scene(evidence, image, self.cut, self.scene)
        quality = {
            'uncertainty': found.uncertainty,
            'energy': found.energy,
            'missing': len(found.missing),
            'ignored': float((found.labels == IGNORED).mean()),
        }
        return write_labels(results, found.labels, quality)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(channel_order={self.channel_order!r}, scene={self.scene}, cut={self.cut})'
