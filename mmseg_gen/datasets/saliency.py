"""What the saliency benchmarks share: a folder of photographs, a folder of masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mmseg_gen.datasets.foreground import ForegroundDataset
from mmseg_gen.datasets.listed import ListedFiles


class SaliencyDataset(ListedFiles, ForegroundDataset):
    """Photographs ``*.jpg`` with masks ``*.png`` of 0 and 255; load the masks with ``LoadBinaryMask``.

    Args:
        split: A key of ``FOLDERS``, which sets ``data_prefix``; may be left out where there is only one.
        data_prefix: ``img_path`` and ``seg_map_path`` under ``data_root``, in place of ``split``; without
            ``seg_map_path`` no masks are asked for.
        kwargs: As in MMSegmentation's ``BaseSegDataset``; ``ann_file`` names some of the images, one a line.

    Raises:
        ValueError: ``split`` is another word or is missing; the list, the folder of images, an image or a mask is
            missing; an image is named twice.
    """

    FOLDERS: ClassVar[Mapping[str, tuple[str, str]]] = {}

    def __init__(self, split: str | None = None, data_prefix: dict | None = None, **kwargs: Any) -> None:
        if data_prefix is None:
            if split is None and len(self.FOLDERS) == 1:
                (split,) = self.FOLDERS
            if split not in self.FOLDERS:
                raise ValueError(
                    f'Expected `split` from {", ".join(self.FOLDERS)}, or `data_prefix`, but got {split!r}.'
                )
            data_prefix = dict(zip(('img_path', 'seg_map_path'), self.FOLDERS[split], strict=True))
        super().__init__(data_prefix=data_prefix, **kwargs)
