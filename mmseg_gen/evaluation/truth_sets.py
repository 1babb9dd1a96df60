"""Ground truth to score stored masks against: a benchmark by its short name, or a plain folder of masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmseg_gen.datasets.label_reading import present_labels
from mmseg_gen.datasets.mask_checks import check_label_map
from mmseg_gen.datasets.transforms.boxes_as_mask import BoxesAsMask
from mmseg_gen.errors import UserError
from mmseg_gen.evaluation.mask_reading import find_masks, read_values

CONFIGS = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'datasets'
BINARY_CLASSES = ('background', 'foreground')
_LOADERS = ('test_dataloader', 'val_dataloader', 'train_dataloader')
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class TrueImage:
    """One image to score.

    Attributes:
        key: Its name, which predictions share.
        size: Gives ``(H, W)``.
        labels: Gives its label map ``(H, W)``, 255 where it does not count; None where it has boxes only.
        meta: ``img_path``, and where it has some ``boxes``, ``text`` and ``category``.
    """

    key: str
    size: Callable[[], tuple[int, int]]
    labels: Callable[[], np.ndarray] | None
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TruthSet:
    """Ground truth of a data set.

    Attributes:
        name: For reports.
        metainfo: ``classes`` and what else the data set says of itself.
        images: In the order of the set.
        nested: Whether keys have folders, because stems alone are not unique.
    """

    name: str
    metainfo: dict[str, Any]
    images: list[TrueImage]
    nested: bool = False

    @property
    def num_classes(self) -> int:
        """Number of classes, background included."""
        return len(self.metainfo['classes'])


def known_data_sets() -> list[str]:
    """Return the short names that :func:`open_benchmark` takes."""
    return sorted(path.stem for path in CONFIGS.glob('*.py'))


def open_benchmark(name: str, data_root: str | Path | None = None, split: str | None = None) -> TruthSet:
    """Return the ground truth of a data set of the configs.

    Args:
        name: File in ``configs/_base_/datasets`` without its suffix, 'voc12' for instance, or the path of a config.
        data_root: Folder of the data set; None: the config's.
        split: Split; None: the one the config tests on.

    Raises:
        UserError: There is no such config, it has no such split, or the data set is incomplete.
        FileNotFoundError: There is no such folder.
    """
    from mmengine.registry import DefaultScope

    import mmseg_gen.datasets  # noqa: F401  (registers the data sets)
    from mmseg_gen.engine.config_file import read_config
    from mmseg_gen.engine.launch import known_types_only
    from mmseg_gen.registry import DATASETS, TRANSFORMS

    path = Path(name) if name.endswith('.py') else CONFIGS / f'{name}.py'
    if not path.is_file():
        raise UserError(f'Expected a data set from {", ".join(known_data_sets())}, or a config file, but got {name!r}.')
    settings = _data_set_config(read_config(path), path, split)
    root = Path(data_root or settings['data_root'])
    if not root.is_dir():
        raise FileNotFoundError(
            f'Expected the data set {name} in {root}, but there is no such folder; set --data-root.'
        )
    settings['data_root'] = str(root)
    steps = [step for step in settings['pipeline'] if _makes_labels(step['type'])]
    with known_types_only(), DefaultScope.overwrite_default_scope('mmseg'):
        loaders = [TRANSFORMS.build(dict(step)) for step in steps]
        data_set = DATASETS.build({**settings, 'pipeline': [], 'test_mode': True})
    infos = [data_set.get_data_info(i) for i in range(len(data_set))]
    keys, nested = _keys([_named(info) for info in infos])
    images = [_true_image(key, info, loaders) for key, info in zip(keys, infos, strict=True)]
    label = f'{path.stem} {settings["split"]}' if settings.get('split') else path.stem
    return TruthSet(label, dict(data_set.metainfo), images, nested)


def _data_set_config(config: Any, path: Path, split: str | None) -> dict[str, Any]:
    """Return the config of the data set that a base config tests on, with another split where asked."""
    from mmseg_gen.engine.launch import leaf_datasets

    leaves = [leaf for name in _LOADERS if config.get(name) for leaf in leaf_datasets(config[name].dataset)]
    if not leaves:
        raise UserError(f'Expected {path} to have a data set in one of {", ".join(_LOADERS)}, but it has none.')
    for leaf in leaves:
        if split is None or leaf.get('split') == split:
            return leaf.to_dict()
    if 'split' not in leaves[0]:
        raise UserError(f'Expected no --split for {path.stem}, whose config fixes its files, but got {split!r}.')
    return {**leaves[0].to_dict(), 'split': split}


def _makes_labels(kind: str) -> bool:
    return kind == 'BoxesAsMask' or (kind.startswith('Load') and not kind.startswith('LoadImage'))


def _named(info: dict[str, Any]) -> Path:
    """Return an image's path without suffix, under the name of the sample where the data set gives one."""
    path = Path(info['img_path'])
    return path.with_name(info.get('sample_name', path.stem))


def _keys(paths: Sequence[Path]) -> tuple[list[str], bool]:
    names = [path.name for path in paths]
    if len(set(names)) == len(names):
        return names, False
    parts = [path.parent.parts for path in paths]
    shared = 0
    while all(len(p) > shared and p[shared] == parts[0][shared] for p in parts):
        shared += 1
    keys = [str(Path(*path.parts[shared:])) for path in paths]
    if len(set(keys)) < len(keys):
        key = next(k for k in keys if keys.count(k) > 1)
        raise UserError(f'Expected images of different names, but {key} occurs twice; keep one of them.')
    return keys, True


def _true_image(key: str, info: dict[str, Any], loaders: Sequence[Callable[[dict], dict]]) -> TrueImage:
    def size() -> tuple[int, int]:
        return _image_size(info['img_path'])

    def labels() -> np.ndarray:
        results = dict(info, seg_fields=[])
        if from_boxes:
            results['ori_shape'] = size()
        for load in loaders:
            results = load(results)
        return results['gt_seg_map']

    has_file, has_boxes = info.get('seg_map_path') is not None, 'boxes' in info
    if not has_file and not has_boxes:
        raise UserError(f'Expected masks or boxes for {info["img_path"]}, but the data set has neither.')
    from_boxes = has_boxes and any(isinstance(load, BoxesAsMask) for load in loaders)
    meta = {name: value for name, value in info.items() if name in ('img_path', 'text', 'category') or 'box' in name}
    has_labels = from_boxes or (has_file and bool(loaders))
    return TrueImage(key, size, labels if has_labels else None, meta)


def _image_size(path: str) -> tuple[int, int]:
    """Return height and width as a reader that turns photos upright sees them."""
    with Image.open(path) as image:
        width, height = image.size
        return (width, height) if image.getexif().get(_ORIENTATION, 1) >= 5 else (height, width)


def open_mask_folder(folder: str | Path, classes: Sequence[str] | None = None, *, suffix: str = '') -> TruthSet:
    """Return the ground truth of a plain folder of PNG or npy masks.

    Args:
        folder: The folder, and those below it.
        classes: Names of the labels 0, 1, ...; 255 does not count. None: masks of two classes, 0 and 255 or 0 and 1
            (grey values from 128 on are foreground).
        suffix: What file stems have behind the image's name.

    Raises:
        UserError: There is no such folder, it holds no mask, or two masks have one name.
    """
    root = Path(folder)
    files = find_masks(root, suffix)
    images = [_folder_image(key, path, classes) for key, path in files.items()]
    return TruthSet(str(root), {'classes': tuple(classes or BINARY_CLASSES)}, images)


def _folder_image(key: str, path: Path, classes: Sequence[str] | None) -> TrueImage:
    def labels() -> np.ndarray:
        return _binary_truth(path) if classes is None else _index_truth(path, len(classes))

    return TrueImage(key, lambda: labels().shape, labels, {'img_path': str(path)})


def _index_truth(path: Path, num_classes: int) -> np.ndarray:
    values = read_values(path)
    check_label_map(values, num_classes, path)
    return values


def _binary_truth(path: Path) -> np.ndarray:
    values = read_values(path)
    found = present_labels(values)
    if values.ndim != 2 or values.dtype.kind not in 'uib' or found[0] < 0 or found[-1] > 255:
        raise UserError(f'Expected a grey mask of 0 and 255 in {path}, but got {values.dtype} of shape {values.shape}.')
    # Soft edges would have values from 128 on too.
    if found[-1] == 255 and ((found > 0) & (found < 128)).any() and not ((found >= 128) & (found < 255)).any():
        raise UserError(
            f'Expected 0 and 255, or 0 and 1, in {path}, but got {", ".join(map(str, found[:-1][:6]))} and 255, as in '
            'label maps in which 255 is ignored: name the classes with --classes in place of --binary.'
        )
    return (values >= (1 if found[-1] == 1 else 128)).astype(np.uint8)
