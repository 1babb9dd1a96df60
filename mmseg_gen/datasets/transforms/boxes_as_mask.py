"""Ground truth of data sets that have boxes only."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform

from mmseg_gen.errors import UserError
from mmseg_gen.functional.boxes import box_mask
from mmseg_gen.registry import TRANSFORMS


@TRANSFORMS.register_module()
class BoxesAsMask(BaseTransform):
    """Fill the boxes of an image: 1 inside of any, else 0, as fobadiffusion scores maps on MS-CXR.

    The label map has the size of the original image: for training it comes before ``Resize``, for testing after it.

    Required keys: ``boxes``, ``ori_shape``; used where present: ``annotated_size``, the H, W that the boxes were drawn
    on. Modified keys: ``gt_seg_map`` (uint8 ``(H, W)``), ``seg_fields``.

    Raises:
        ValueError: On loading: there are no ``boxes``, or the image was resized since they were drawn.
    """

    def transform(self, results: dict) -> dict:
        """Add the label map."""
        name = results.get('img_path', 'the image')
        if 'boxes' not in results:
            raise UserError(f'Expected `boxes` of {name}, but got {sorted(results)}: the data set has none.')
        size = tuple(int(side) for side in results['ori_shape'][:2])
        annotated = tuple(results.get('annotated_size', size))
        if annotated != size:
            raise UserError(
                f'Expected {name} to have the size that its boxes were drawn on, {annotated[1]} x {annotated[0]} '
                f'pixels, but got {size[1]} x {size[0]}: use the original file.'
            )
        results['gt_seg_map'] = box_mask(results['boxes'], size).astype(np.uint8)
        results['seg_fields'].append('gt_seg_map')
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
