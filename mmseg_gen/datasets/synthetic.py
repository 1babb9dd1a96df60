"""The generated data set that ``tools/synthesize.py`` writes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from mmseg.datasets import BaseSegDataset

from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import KEPT, Entry, read_manifest, read_meta
from mmseg_gen.registry import DATASETS

LABEL_SOURCES = ('mask', 'evidence')


@DATASETS.register_module()
class SyntheticDataset(BaseSegDataset):
    """Finished, kept samples of a generated data set, also while it is still being made.

    Masks hold 0 and 255: load them with ``LoadBinaryMask``. Besides MMSegmentation's keys a sample has
    ``evidence_path`` and ``class_name``.

    Args:
        data_root: Folder of the data set.
        label_source: 'mask' reads the stored masks; 'evidence' leaves ``seg_map_path`` at None, for
            pipelines that label anew with ``LoadEvidence`` and a labelling transform.
        drop_uncertain_share: Share of the samples left out, in [0, 1), the most uncertain first; None takes
            what the set was made with.
        classes: Object classes to use; None uses all.
        made_by: Config that makes the set, named in the error where there is none.
        **settings: Arguments of :class:`mmseg.datasets.BaseSegDataset`.

    Raises:
        UserError: The folder has no finished sample (the text gives the command that makes some), or none is
            left.
        ValueError: An argument is out of range.
    """

    METAINFO: ClassVar[dict] = {
        'classes': ('background', 'foreground'),
        'palette': [[0, 0, 0], [255, 255, 255]],
    }

    def __init__(
        self,
        data_root: str,
        *,
        label_source: str = 'mask',
        drop_uncertain_share: float | None = None,
        classes: Sequence[str] | None = None,
        made_by: str = 'CONFIG',
        **settings: Any,
    ) -> None:
        if label_source not in LABEL_SOURCES:
            raise ValueError(f'Expected `label_source` from {", ".join(LABEL_SOURCES)}, but got {label_source!r}.')
        if drop_uncertain_share is not None and not 0 <= drop_uncertain_share < 1:
            raise ValueError(f'Expected `drop_uncertain_share` in [0, 1) or None, but got {drop_uncertain_share}.')
        self.label_source, self.drop_uncertain_share = label_source, drop_uncertain_share
        self.classes = None if classes is None else tuple(classes)
        self.made_by = made_by
        super().__init__(data_root=data_root, **settings)

    def load_data_list(self) -> list[dict]:
        """Return one dict per sample, in order of index."""
        root = Path(self.data_root)
        entries = [e for e in read_manifest(root) if e.status == KEPT]
        if not entries:
            raise UserError(
                f'Expected a generated data set in {root}, but it holds no finished sample. Make it with: '
                f'python tools/synthesize.py {self.made_by}'
            )
        if self.classes is not None:
            entries = [e for e in entries if e.class_name in self.classes]
        chosen = leave_out_uncertain(entries, self._uncertain_share(root))
        if not chosen:
            raise UserError(f'Expected samples of {", ".join(self.classes or ())} in {root}, but there are none.')
        return [self._data_info(root, entry) for entry in chosen]

    def _uncertain_share(self, root: Path) -> float:
        if self.drop_uncertain_share is not None:
            return self.drop_uncertain_share
        made_with = (read_meta(root) or {}).get('settings', {})
        return made_with.get('filter', {}).get('drop_uncertain_share', 0.0)

    def _data_info(self, root: Path, entry: Entry) -> dict:
        paths = {kind: str(root / path) for kind, (path, _) in entry.files.items()}
        return {
            'img_path': paths['image'],
            'seg_map_path': paths['mask'] if self.label_source == 'mask' else None,
            'evidence_path': paths.get('evidence'),
            'class_name': entry.class_name,
            'label_map': self.label_map,
            'reduce_zero_label': self.reduce_zero_label,
            'seg_fields': [],
        }


def leave_out_uncertain(entries: Sequence[Entry], share: float) -> list[Entry]:
    """Return the entries less the share, rounded down, of the most uncertain; the order stays.

    Args:
        entries: Those without ``uncertainty`` in their measures count as certain.
        share: In [0, 1).
    """
    count = math.floor(share * len(entries))
    ranked = sorted(entries, key=lambda e: (-e.measures.get('uncertainty', 0.0), e.index))
    out = {entry.index for entry in ranked[:count]}
    return [entry for entry in entries if entry.index not in out]
