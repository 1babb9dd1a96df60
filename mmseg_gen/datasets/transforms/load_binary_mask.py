"""Masks of saliency benchmarks as label maps."""

from __future__ import annotations

from typing import Any

import mmcv
import numpy as np
from mmengine import fileio
from mmseg.datasets.transforms import LoadAnnotations

from mmseg_gen.datasets.label_reading import decode_with_palette, present_labels, stored_palette
from mmseg_gen.datasets.mask_checks import check_same_size
from mmseg_gen.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadBinaryMask(LoadAnnotations):
    """Load a grey mask as labels: 1 where it reaches a threshold, else 0, uint8 ``(H, W)``.

    MMSegmentation's own loader would leave 255 in place, which its metrics and losses ignore.

    Args:
        threshold: In [1, 255]; 128 takes the middle of soft edges. Give 1 for masks of 0 and 1.
        kwargs: As in ``LoadAnnotations``.

    Raises:
        ValueError: ``threshold`` is out of range; on loading: the file cannot be read, has another size than the
            image, or holds label ids: 0 and 1, or a palette of dark colours, none of which would reach the threshold,
            or more than two colours of a palette, of which the brightest may be that of ignored pixels.
    """

    def __init__(self, threshold: int = 128, **kwargs: Any) -> None:
        super().__init__(imdecode_backend='cv2', **kwargs)
        if not 1 <= threshold <= 255:
            raise ValueError(f'Expected `threshold` in [1, 255], but got {threshold}.')
        self.threshold = threshold

    def _load_seg_map(self, results: dict) -> None:
        path = results['seg_map_path']
        content = fileio.get(path, backend_args=self.backend_args)
        mask = mmcv.imfrombytes(content, flag='grayscale', backend='cv2') if content else None
        if mask is None:
            raise ValueError(f'Expected a readable mask, but got {path}: replace the file or leave its image out.')
        if 'ori_shape' in results:
            check_same_size(mask, results['ori_shape'], path)
        top = int(mask.max())
        if top == 1 < self.threshold:
            raise ValueError(f'Expected a mask of 0 and 255, but got 0 and 1 in {path}: set `threshold=1`.')
        if 0 < top < self.threshold and stored_palette(content) is not None:
            raise ValueError(
                f'Expected a grey mask of 0 and 255, but {path} is a palette image, all of whose colours are below the '
                f'`threshold` of {self.threshold}: set `threshold=1` for label maps of one class, as `mmseg-gen label` '
                'writes them.'
            )
        if self.threshold > 1 and _is_label_map(content, path):
            raise ValueError(
                f'Expected a mask of two values, but {path} is a palette image of several colours, so a label map: '
                'load it with `LoadLabels`, or set `threshold=1` where every label is foreground.'
            )
        results['gt_seg_map'] = (mask >= self.threshold).astype(np.uint8)
        results['seg_fields'].append('gt_seg_map')

    def __repr__(self) -> str:
        return f'{type(self).__name__}(threshold={self.threshold}, backend_args={self.backend_args})'


def _is_label_map(content: bytes, path: str) -> bool:
    if stored_palette(content) is None:
        return False
    indices, palette = decode_with_palette(content, path)
    shown = palette[[label for label in present_labels(indices) if label < len(palette)]]
    # A palette of greys may hold soft edges.
    return len(shown) > 2 and bool((shown != shown[:, :1]).any())
