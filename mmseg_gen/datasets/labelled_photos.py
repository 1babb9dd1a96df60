"""Photos with the masks that ``mmseg-gen label`` or ``tools/distill.py`` made of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmseg.datasets import BaseSegDataset

from mmseg_gen.errors import UserError
from mmseg_gen.functional.palette import voc_palette
from mmseg_gen.functional.photo_records import FOUND, outcome_counts, read_records
from mmseg_gen.registry import DATASETS


@DATASETS.register_module()
class LabelledPhotosDataset(BaseSegDataset):
    """Photos whose mask was found; masks hold 0 and the numbers of the concepts.

    Load masks of one concept with ``LoadBinaryMask(threshold=1)``, of several with ``LoadLabels``.

    Args:
        data_root: Folder of ``manifest.jsonl`` and ``masks``.
        classes: Names of the labels 0, 1, ...
        kwargs: As in MMSegmentation's ``BaseSegDataset``, less ``metainfo`` and ``data_prefix``.

    Raises:
        ValueError: ``classes`` has fewer than two names.
        UserError: No photo has a mask.
    """

    def __init__(self, data_root: str, classes: Sequence[str] = ('background', 'foreground'), **kwargs: Any) -> None:
        if isinstance(classes, str) or len(classes) < 2:
            raise ValueError(f'Expected `classes` to name two or more labels, but got {classes!r}.')
        # Of two classes the colours of SyntheticDataset, so that both can be one set.
        palette = [[0, 0, 0], [255, 255, 255]] if len(classes) == 2 else voc_palette()[: len(classes)].tolist()
        metainfo = {'classes': tuple(classes), 'palette': palette}
        super().__init__(data_root=data_root, metainfo=metainfo, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Return one dict per photo with a mask, in order of name."""
        root, records = Path(self.data_root), read_records(Path(self.data_root))
        usable = [r for r in records.values() if r.outcome == FOUND]
        if not usable:
            raise UserError(
                f'Expected photos with masks in {root}, but got {outcome_counts(records.values()) or "none"}; make '
                'them with mmseg-gen label, or set `data_root`.'
            )
        return [
            {
                'img_path': record.image,
                'seg_map_path': str(record.path(root, 'mask')),
                'label_map': self.label_map,
                'reduce_zero_label': self.reduce_zero_label,
                'seg_fields': [],
            }
            for record in usable
        ]
