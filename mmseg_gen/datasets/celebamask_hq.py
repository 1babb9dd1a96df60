"""CelebAMask-HQ, parts of faces (Lee et al., "MaskGAN", CVPR 2020)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from mmseg.datasets import BaseSegDataset

from mmseg_gen.datasets.listed import ListedFiles
from mmseg_gen.errors import UserError
from mmseg_gen.functional.palette import voc_palette
from mmseg_gen.registry import DATASETS

# In the order of the authors' g_mask.py: the number of a part is its place, and where parts overlap the later one is
# on top.
PARTS = (
    *('skin', 'nose', 'eye_g', 'l_eye', 'r_eye', 'l_brow', 'r_brow', 'l_ear', 'r_ear', 'mouth', 'u_lip', 'l_lip'),
    *('hair', 'hat', 'ear_r', 'neck_l', 'neck', 'cloth'),
)
IMAGE_FOLDER, LABEL_FOLDER, MAPPING = 'CelebA-HQ-img', 'CelebAMask-HQ-mask', 'CelebA-HQ-to-CelebA-mapping.txt'
_BELOW_THE_HEAD = ('neck_l', 'neck', 'cloth')
# CelebA numbers from which validation and test images begin, as in the authors' g_partition.py.
_SPLITS = {'train': (0, 162771), 'val': (162771, 182638), 'test': (182638, 1 << 31)}


@DATASETS.register_module()
class CelebAMaskHQDataset(ListedFiles, BaseSegDataset):
    """18 parts of the face and background, as ``tools/dataset_converters/celebamask_hq.py`` writes them.

    Args:
        split: 'train', 'val' or 'test' by ``CelebA-HQ-to-CelebA-mapping.txt``; None takes all images.
        ann_file: List of images under ``data_root`` in place of ``split``.
        data_prefix: ``img_path`` and ``seg_map_path`` under ``data_root``, where they differ.
        kwargs: As in MMSegmentation's ``BaseSegDataset``.

    Raises:
        ValueError: ``split`` is another word; the table of the splits is missing or damaged; the list, the label maps
            or an image are missing; an image is named twice.
    """

    METAINFO: ClassVar[dict] = {
        'classes': ('background', *PARTS),
        'palette': voc_palette()[: len(PARTS) + 1].tolist(),
    }

    def __init__(
        self, split: str | None = None, ann_file: str = '', *, data_prefix: dict | None = None, **kwargs: Any
    ) -> None:
        if split is not None and split not in _SPLITS:
            raise ValueError(f'Expected `split` from {", ".join(_SPLITS)}, or None, but got {split!r}.')
        self.split = split
        prefix = {'img_path': IMAGE_FOLDER, 'seg_map_path': LABEL_FOLDER, **(data_prefix or {})}
        super().__init__(ann_file=ann_file, data_prefix=prefix, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Return one entry per image, in the order of the list."""
        labels = Path(self.data_prefix['seg_map_path'])
        if not labels.is_dir():
            raise UserError(
                f'Expected label maps in {labels}, but there is no such folder: '
                f'run tools/dataset_converters/celebamask_hq.py {self.data_root}.'
            )
        return super().load_data_list()

    def _names(self) -> list[str]:
        if self.ann_file or self.split is None:
            return super()._names()
        return split_names(Path(self.data_root or '', MAPPING), self.split)


@DATASETS.register_module()
class CelebAMaskHQHeadDataset(CelebAMaskHQDataset):
    """The same files as two classes: the head, or all of the person, and background.

    Args:
        split: As in :class:`CelebAMaskHQDataset`.
        ann_file: Likewise.
        foreground: 'head' takes all parts but necklace, neck and clothes, which become background; 'person' takes all.
        kwargs: As in :class:`CelebAMaskHQDataset`.

    Raises:
        ValueError: ``foreground`` is another word; further as :class:`CelebAMaskHQDataset`.
    """

    METAINFO: ClassVar[dict] = {'classes': ('background', 'head'), 'palette': [[0, 0, 0], [255, 255, 255]]}

    def __init__(
        self, split: str | None = None, ann_file: str = '', *, foreground: str = 'head', **kwargs: Any
    ) -> None:
        if foreground not in ('head', 'person'):
            raise ValueError(f"Expected `foreground` as 'head' or 'person', but got {foreground!r}.")
        self.below = _BELOW_THE_HEAD if foreground == 'head' else ()
        super().__init__(split, ann_file, **kwargs)

    def _entry(self, name: str) -> dict:
        return {**super()._entry(name), 'label_map': {i: int(p not in self.below) for i, p in enumerate(PARTS, 1)}}


def split_names(path: Path, split: str) -> list[str]:
    """Return the names of the images of a split.

    Args:
        path: ``CelebA-HQ-to-CelebA-mapping.txt``: a heading, then number, CelebA number and CelebA file a line.
        split: 'train', 'val' or 'test'.

    Raises:
        UserError: There is no such file, it is of another form, or names no image of the split.
    """
    if not path.is_file():
        raise UserError(f'Expected the table of the splits, but there is no {path}: set `data_root`, or `split=None`.')
    rows = [
        line.split() for line in path.read_text(encoding='utf-8', errors='replace').splitlines()[1:] if line.strip()
    ]
    wrong = next((row for row in rows if len(row) != 3 or not (row[0].isdecimal() and row[1].isdecimal())), None)
    if wrong is not None:
        raise UserError(f'Expected two numbers and a file in each line of {path}, but got {" ".join(wrong)!r}.')
    first, end = _SPLITS[split]
    names = [row[0] for row in rows if first <= int(row[1]) < end]
    if not names:
        raise UserError(f'Expected images of split {split!r} in {path}, but got none.')
    return names
