"""Label maps of benchmarks with several classes, checked as they are read."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine import fileio
from mmseg.datasets.transforms import LoadAnnotations

from mmseg_gen.datasets.label_reading import decode_with_palette, relabel
from mmseg_gen.datasets.mask_checks import check_label_map, check_voc_palette
from mmseg_gen.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadLabels(LoadAnnotations):
    """Load a label map as MMSegmentation's ``LoadAnnotations`` does, or say what is wrong with the file.

    Required keys: ``seg_map_path``; used where present: ``ori_shape``, ``reduce_zero_label``, ``label_map``.
    Modified keys: ``gt_seg_map`` (uint8 ``(H, W)``), ``seg_fields``.

    Args:
        num_classes: Number of ids that the files hold, from 0 on, before any renumbering.
        allow_void_only: Accept maps of nothing but 0 and 255, see
            :func:`~mmseg_gen.datasets.mask_checks.check_class_ids`.
        palette: 'voc' where palette files have VOC's colours, which are then compared with the ids; see
            :func:`~mmseg_gen.datasets.mask_checks.check_voc_palette`.
        kwargs: As in ``LoadAnnotations``, less ``imdecode_backend``.

    Raises:
        ValueError: A setting is out of range; on loading: the file is no index map, has another size than the image,
            or holds other ids.
    """

    def __init__(
        self, num_classes: int, allow_void_only: bool = False, palette: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if palette not in (None, 'voc'):
            raise ValueError(f"Expected `palette` to be None or 'voc', but got {palette!r}.")
        if not 1 <= num_classes <= 255:
            raise ValueError(f'Expected `num_classes` in [1, 255], but got {num_classes}.')
        self.num_classes = num_classes
        self.allow_void_only, self.palette = allow_void_only, palette

    def _load_seg_map(self, results: dict) -> None:
        path = results['seg_map_path']
        content = fileio.get(path, backend_args=self.backend_args)
        labels, colors = decode_with_palette(content, path)
        check_label_map(
            labels,
            self.num_classes,
            path,
            image_size=results.get('ori_shape'),
            allow_void_only=self.allow_void_only,
        )
        if self.palette is not None:
            check_voc_palette(labels, colors, self.num_classes, path)
        results['gt_seg_map'] = relabel(
            # A writable array of its own: Pillow's is read-only.
            labels.astype(np.uint8),
            reduce_zero_label=results.get('reduce_zero_label', False),
            label_map=results.get('label_map'),
        )
        results['seg_fields'].append('gt_seg_map')

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(num_classes={self.num_classes}, allow_void_only={self.allow_void_only}, '
            f'palette={self.palette!r}, backend_args={self.backend_args})'
        )
