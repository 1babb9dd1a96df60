"""DUTS, salient objects in photographs (Wang et al., "Learning to Detect Salient Objects", CVPR 2017)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from mmseg.datasets import BaseSegDataset

from mmseg_gen.registry import DATASETS

_FOLDERS = {'train': 'DUTS-TR', 'test': 'DUTS-TE'}
_SHOWN = 5


@DATASETS.register_module()
class DUTSDataset(BaseSegDataset):
    """DUTS in its own layout: ``DUTS-TR/DUTS-TR-Image/*.jpg``, ``DUTS-TR/DUTS-TR-Mask/*.png``; test: TE.

    Load the masks with ``LoadBinaryMask``: they hold 0 and 255, and 255 would be ignored. Sets of the same
    form (ECSSD, DUT-OMRON) take ``data_prefix`` in place of ``split``.

    Args:
        split: 'train' or 'test', which sets ``data_prefix``; None where ``data_prefix`` is given.
        data_prefix: ``img_path`` and ``seg_map_path`` under ``data_root``.
        kwargs: As in MMSegmentation's ``BaseSegDataset``.

    Raises:
        ValueError: ``split`` is another word or is missing, the folder of images is missing or holds none,
            or images lack masks.
    """

    METAINFO: ClassVar[dict] = {
        'classes': ('background', 'foreground'),
        'palette': [[0, 0, 0], [255, 255, 255]],
    }

    def __init__(self, split: str | None = None, data_prefix: dict | None = None, **kwargs: Any) -> None:
        if data_prefix is None:
            if split not in _FOLDERS:
                raise ValueError(
                    f'Expected `split` from {", ".join(_FOLDERS)}, or `data_prefix`, but got {split!r}.'
                )
            folder = _FOLDERS[split]
            data_prefix = {'img_path': f'{folder}/{folder}-Image', 'seg_map_path': f'{folder}/{folder}-Mask'}
        super().__init__(data_prefix=data_prefix, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Return one entry per image, sorted by path, each with a mask that exists."""
        folder = Path(self.data_prefix['img_path'])
        if not folder.is_dir():
            raise ValueError(
                f'Expected the images of {type(self).__name__} in {folder}, but there is no such '
                'folder: set `data_root` and `split` or `data_prefix`.'
            )
        entries = super().load_data_list()
        if not entries:
            raise ValueError(f'Expected *{self.img_suffix} files in {folder}, but got none.')
        missing = [
            Path(e['img_path']).stem
            for e in entries
            if 'seg_map_path' in e and not Path(e['seg_map_path']).is_file()
        ]
        if missing:
            names = ', '.join(missing[:_SHOWN]) + (', ...' if len(missing) > _SHOWN else '')
            raise ValueError(
                f'Expected a mask NAME{self.seg_map_suffix} in {self.data_prefix["seg_map_path"]} for each '
                f'image of {folder}, but {len(missing)} of {len(entries)} have none: {names}. '
                'Correct `data_prefix` or `seg_map_suffix`, or add the masks.'
            )
        return entries
