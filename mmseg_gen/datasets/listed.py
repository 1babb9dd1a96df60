"""Images named by a list or found in a folder, with errors that say which file is missing."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from mmseg_gen.errors import UserError

_SHOWN = 5


def read_image_list(path: str | os.PathLike[str]) -> list[str]:
    """Return the lines of a list file, stripped, blank ones left out.

    Raises:
        UserError: There is no such file, it is no text, names nothing, or names something twice.
    """
    file = Path(path)
    if not file.is_file():
        raise UserError(
            f'Expected a list of images, but there is no file {file}: set `data_root` and `split` or `ann_file`.'
        )
    try:
        lines = [line.strip() for line in file.read_text(encoding='utf-8').splitlines()]
    except UnicodeDecodeError as error:
        raise UserError(f'Expected a text file with one image name a line, but got {file} ({error}).') from error
    names = [line for line in lines if line]
    if not names:
        raise UserError(f'Expected at least one image name in {file}, but it is empty.')
    check_unique(names, str(file))
    return names


def check_unique(names: Sequence[str], where: str) -> None:
    """Check that no name occurs twice: its image would count twice.

    Raises:
        UserError: One does.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(f'Expected each image of {where} once, but got {_some(twice)} more than once: remove the rest.')


def find_images(folder: str | os.PathLike[str], suffix: str) -> list[str]:
    """Return the names, without suffix and sorted, of the images directly in a folder.

    Raises:
        UserError: There is no such folder, or it holds no image.
    """
    path = Path(folder)
    if not path.is_dir():
        raise UserError(
            f'Expected images in {path}, but there is no such folder: correct the path, such as `data_root`.'
        )
    names = sorted(n.removesuffix(suffix) for n in os.listdir(path) if n.endswith(suffix) and not n.startswith('.'))
    if not names:
        raise UserError(f'Expected *{suffix} files in {path}, but got none.')
    return names


def check_files(paths: Iterable[str], what: str, cure: str) -> None:
    """Check that files exist, reading each folder once.

    Args:
        paths: The files.
        what: They, in words, for the error.
        cure: What the user can do, for the error.

    Raises:
        UserError: Some are missing; the message counts them and names the first.
    """
    listings: dict[str, set[str]] = {}
    missing, total = [], 0
    for path in paths:
        folder, name = os.path.split(path)
        if folder not in listings:
            listings[folder] = set(os.listdir(folder)) if os.path.isdir(folder) else set()
        total += 1
        if name not in listings[folder]:
            missing.append(path)
    if missing:
        raise UserError(f'Expected {what}, but {len(missing)} of {total} are missing ({_some(missing)}). {cure}')


def _some(names: Sequence[str]) -> str:
    return ', '.join(names[:_SHOWN]) + (', ...' if len(names) > _SHOWN else '')


class ListedFiles:
    """The data list of a benchmark whose images are named by ``ann_file`` or lie in one folder.

    Comes before a data set class of MMSegmentation among the bases. Names of the list may have folders and the
    image suffix; only the name itself counts. Without ``seg_map_path`` in ``data_prefix`` no masks are asked for.
    """

    def load_data_list(self) -> list[dict]:
        """Return one entry per image, in the order of the list, each with files that exist.

        Raises:
            UserError: The list or a file is missing, or an image is named twice.
        """
        names = self._names()
        entries = [self._entry(name) for name in names]
        cure = 'Unpack the missing files, or correct `data_root`, `data_prefix` or the list.'
        check_files((e['img_path'] for e in entries), f'the images of {type(self).__name__}', cure)
        if 'seg_map_path' in self.data_prefix:
            check_files(
                (e['seg_map_path'] for e in entries),
                f'a label map *{self.seg_map_suffix} for each image of {type(self).__name__}',
                cure,
            )
        for name, entry in zip(names, entries, strict=True):
            entry.update(self.more_about(name))
        return entries

    def more_about(self, name: str) -> dict:
        """Return what a data set knows of an image besides its files; nothing by default."""
        return {}

    def _names(self) -> list[str]:
        if not self.ann_file:
            return find_images(self.data_prefix['img_path'], self.img_suffix)
        names = [PurePosixPath(n).name.removesuffix(self.img_suffix) for n in read_image_list(self.ann_file)]
        check_unique(names, self.ann_file)
        return names

    def _entry(self, name: str) -> dict:
        entry = {
            'img_path': os.path.join(self.data_prefix['img_path'], name + self.img_suffix),
            'label_map': self.label_map,
            'reduce_zero_label': self.reduce_zero_label,
            'seg_fields': [],
        }
        if 'seg_map_path' in self.data_prefix:
            entry['seg_map_path'] = os.path.join(self.data_prefix['seg_map_path'], name + self.seg_map_suffix)
        return entry
