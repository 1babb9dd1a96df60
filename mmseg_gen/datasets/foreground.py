"""Data sets of one foreground class, with masks, boxes or both.

All boxes are x1, y1, x2, y2 in pixels of the original image, half-open: x2 and y2 lie one past the last pixel.
Shape letters: N boxes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from mmseg.datasets import BaseSegDataset

from mmseg_gen.errors import UserError

FOREGROUND = 1


class ForegroundDataset(BaseSegDataset):
    """Background is label 0, the object is label 1. Load masks with ``LoadBinaryMask``: they hold 0 and 255.

    A subclass has a method ``load_data_list`` that puts together what :meth:`entry` returns.
    """

    METAINFO: ClassVar[dict] = {
        'classes': ('background', 'foreground'),
        'palette': [[0, 0, 0], [255, 255, 255]],
    }

    def entry(
        self,
        image: str | os.PathLike[str],
        *,
        mask: str | os.PathLike[str] | None = None,
        boxes: np.ndarray | None = None,
        **more: Any,
    ) -> dict:
        """Return the data list's entry of one image.

        Args:
            image: Its file.
            mask: File of its mask; None where there is none.
            boxes: ``(N, 4)``; None where none are known. They become ``boxes``, float32, and ``box_labels``, int64
                ``(N,)``, the class of each.
            more: Further keys.
        """
        found: dict[str, Any] = {
            'img_path': os.fspath(image),
            'label_map': self.label_map,
            'reduce_zero_label': self.reduce_zero_label,
            'seg_fields': [],
            **more,
        }
        if mask is not None:
            found['seg_map_path'] = os.fspath(mask)
        if boxes is not None:
            found['boxes'] = np.asarray(boxes, np.float32).reshape(-1, 4)
            found['box_labels'] = np.full(len(found['boxes']), FOREGROUND, np.int64)
        return found


def check_corners(corners: Sequence[float], where: str) -> tuple[float, float, float, float]:
    """Return the corners x1, y1, x2, y2 of a box that has an area.

    Raises:
        UserError: There are not four finite numbers, or the box is empty.
    """
    if len(corners) != 4 or not np.isfinite(corners).all() or corners[0] >= corners[2] or corners[1] >= corners[3]:
        raise UserError(f'Expected a box with x1 < x2 and y1 < y2 in {where}, but got {list(corners)}.')
    x1, y1, x2, y2 = (float(value) for value in corners)
    return x1, y1, x2, y2
