"""A plain folder of images and a folder of masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from mmseg.datasets import BaseSegDataset

from mmseg_gen.datasets.image_reading import IMAGE_SUFFIXES
from mmseg_gen.datasets.listed import check_files, check_unique, read_image_list
from mmseg_gen.errors import UserError
from mmseg_gen.registry import DATASETS


@DATASETS.register_module()
class FolderDataset(BaseSegDataset):
    """Images of any suffix in ``images``, masks of the same names in ``masks``, ``*.png``; folders below count too.

    Load masks of 0 and 255 with ``LoadBinaryMask``, class ids with ``LoadLabels``.

    Args:
        classes: Names of the labels 0, 1, ...
        palette: A colour for each; random ones by default.
        ann_file: List of images under ``data_root``, one a line; suffixes may be left out. '' takes all.
        with_masks: Ask for masks.
        data_prefix: ``img_path`` and ``seg_map_path`` under ``data_root``, where they differ.
        kwargs: As in MMSegmentation's ``BaseSegDataset``, less ``metainfo``.

    Raises:
        ValueError: ``classes`` or ``palette`` does not fit; there is no image; two images differ in their suffix only;
            an image of the list, or a mask, is missing.
    """

    def __init__(
        self,
        classes: Sequence[str] = ('background', 'foreground'),
        palette: Sequence[Sequence[int]] | None = None,
        ann_file: str = '',
        *,
        with_masks: bool = True,
        data_prefix: dict | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(classes, str) or len(classes) < 2:
            raise ValueError(f'Expected `classes` to name two or more labels, but got {classes!r}.')
        if palette is not None and len(palette) != len(classes):
            raise ValueError(f'Expected `palette` of {len(classes)} colours, but got {len(palette)}.')
        self.with_masks = with_masks
        metainfo = {'classes': tuple(classes), **({} if palette is None else {'palette': list(palette)})}
        prefix = {'img_path': 'images', 'seg_map_path': 'masks', **(data_prefix or {})}
        super().__init__(ann_file=ann_file, data_prefix=prefix, metainfo=metainfo, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Return one entry per image, sorted by path or in the order of the list."""
        found = find_by_name(Path(self.data_prefix['img_path']))
        names = self._listed(found) if self.ann_file else list(found)
        entries = [self._entry(name, found[name]) for name in names]
        if self.with_masks:
            check_files(
                (e['seg_map_path'] for e in entries),
                f'a mask *{self.seg_map_suffix} for each image of {self.data_prefix["img_path"]}',
                'Add the masks, take the images away, correct `data_prefix`, or set `with_masks=False`.',
            )
        return entries

    def _listed(self, found: dict[str, Path]) -> list[str]:
        names = [n if n in found else str(PurePosixPath(n).with_suffix('')) for n in read_image_list(self.ann_file)]
        check_unique(names, self.ann_file)
        missing = [name for name in names if name not in found]
        if missing:
            raise UserError(
                f'Expected the images of {self.ann_file} in {self.data_prefix["img_path"]}, but {len(missing)} of '
                f'{len(names)} are missing: {", ".join(missing[:5])}.'
            )
        return names

    def _entry(self, name: str, path: Path) -> dict:
        entry = {
            'img_path': str(path),
            'label_map': self.label_map,
            'reduce_zero_label': self.reduce_zero_label,
            'seg_fields': [],
        }
        if self.with_masks:
            entry['seg_map_path'] = str(Path(self.data_prefix['seg_map_path'], name + self.seg_map_suffix))
        return entry


def find_by_name(folder: Path) -> dict[str, Path]:
    """Return the images in a folder and below by path without suffix, sorted; hidden files are left out.

    Raises:
        UserError: There is no such folder, it holds no image, or two images differ in their suffix only: they would
            share one mask.
    """
    if not folder.is_dir():
        found = 'that is a file' if folder.is_file() else 'there is no such folder'
        raise UserError(f'Expected images in {folder}, but {found}: correct the path, such as `data_root`.')
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob('*')):
        if path.suffix.lower() not in IMAGE_SUFFIXES or path.name.startswith('.') or not path.is_file():
            continue
        name = path.relative_to(folder).with_suffix('').as_posix()
        if name in found:
            raise UserError(
                f'Expected images of different names in {folder}, but got {found[name].name} and {path.name}: '
                'rename one of them.'
            )
        found[name] = path
    if not found:
        raise UserError(f'Expected at least one image ({", ".join(IMAGE_SUFFIXES)}) in {folder}, but got none.')
    return found
