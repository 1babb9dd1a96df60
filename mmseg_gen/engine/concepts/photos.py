"""The photos of a run: a folder's, or a data set's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_gen.errors import UserError


@dataclass(frozen=True)
class Photo:
    """A photo and its name, the stem of all that is made from it."""

    name: str
    path: Path


def list_photos(source: str | Path | Mapping[str, Any]) -> list[Photo]:
    """Return the photos of a folder and those below it, or of a data set, sorted by name.

    Args:
        source: The folder, or the config of a data set of MMSegmentation.

    Raises:
        UserError: There is no such folder, it holds no image, or two photos have one name.
    """
    from mmseg_gen.datasets.folder import find_by_name

    if not isinstance(source, Mapping):
        return [Photo(name, path.resolve()) for name, path in sorted(find_by_name(Path(source)).items())]
    paths = [Path(info['img_path']).resolve() for info in _infos(source)]
    shared = _shared_folder(paths)
    photos = [Photo(path.relative_to(shared).with_suffix('').as_posix(), path) for path in paths]
    if len({photo.name for photo in photos}) < len(photos):
        raise UserError(f'Expected photos of different names in {source.get("data_root")}, but two share one.')
    return sorted(photos, key=lambda photo: photo.name)


def _infos(source: Mapping[str, Any]) -> list[dict]:
    from mmengine.registry import DefaultScope

    import mmseg_gen.datasets  # noqa: F401  (registers the data sets)
    from mmseg_gen.engine.launch import known_types_only
    from mmseg_gen.registry import DATASETS

    root = source.get('data_root')
    if root and not Path(root).is_dir():
        raise UserError(f'Expected the photos of `concept.photos` in {root}, but there is no such folder.')
    with known_types_only(), DefaultScope.overwrite_default_scope('mmseg'):
        data_set = DATASETS.build({'pipeline': [], **source, 'test_mode': True})
    return [data_set.get_data_info(i) for i in range(len(data_set))]


def _shared_folder(paths: list[Path]) -> Path:
    shared = paths[0].parent
    while not all(path.is_relative_to(shared) for path in paths):
        shared = shared.parent
    return shared
