"""The generated data set that ``tools/synthesize.py`` writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from mmseg.datasets import BaseSegDataset

from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import (
    KEPT,
    Entry,
    label_classes,
    leave_out_uncertain,
    read_manifest,
    uncertain_share,
)
from mmseg_gen.functional.palette import voc_palette
from mmseg_gen.registry import DATASETS

LABEL_SOURCES = ('mask', 'evidence')


@DATASETS.register_module()
class SyntheticDataset(BaseSegDataset):
    """Finished, kept samples of a generated data set, also while it is still being made.

    Masks hold 0 and 255: load them with ``LoadBinaryMask``. In sets of several classes (``synthesis.objects``) they are
    label maps: load those with ``LoadLabels``; the classes come from ``meta.json``. Besides MMSegmentation's keys a
    sample has ``evidence_path``, ``class_name`` and ``class_names``.

    Args:
        data_root: Folder of the data set.
        label_source: 'mask' reads the stored masks; 'evidence' leaves ``seg_map_path`` at None, for
            pipelines that label anew with ``LoadEvidence`` and a labelling transform.
        drop_uncertain_share: Share of the samples left out, in [0, 1), the most uncertain first; None takes
            what the set was made with.
        classes: Object classes to use; None uses all. Samples of several classes need one of them.
        only_recognised: Leave out the samples that ``synthesis.filter.clip_agreement='mark'`` has marked.
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
        only_recognised: bool = False,
        made_by: str = 'CONFIG',
        **settings: Any,
    ) -> None:
        if label_source not in LABEL_SOURCES:
            raise ValueError(f'Expected `label_source` from {", ".join(LABEL_SOURCES)}, but got {label_source!r}.')
        if drop_uncertain_share is not None and not 0 <= drop_uncertain_share < 1:
            raise ValueError(f'Expected `drop_uncertain_share` in [0, 1) or None, but got {drop_uncertain_share}.')
        self.label_source, self.drop_uncertain_share = label_source, drop_uncertain_share
        self.classes = None if classes is None else tuple(classes)
        self.only_recognised = only_recognised
        self.made_by = made_by
        self._set_classes = label_classes(Path(data_root))
        if self._set_classes is not None:
            settings['metainfo'] = {**_metainfo(self._set_classes), **(settings.get('metainfo') or {})}
        super().__init__(data_root=data_root, **settings)

    def get_label_map(self, new_classes: Sequence[str] | None = None) -> dict[int, int] | None:
        """Return the label of each class among those asked for, or None where they are the set's own.

        Raises:
            ValueError: A class is not in the set, or labels are made anew, which only know the set's own.
        """
        if self._set_classes is None:
            return super().get_label_map(new_classes)
        if new_classes is None or list(new_classes) == self._set_classes:
            return None
        unknown = sorted(set(new_classes) - set(self._set_classes))
        if unknown or self.label_source == 'evidence':
            raise ValueError(
                f'Expected `metainfo` with the classes of the set, {", ".join(self._set_classes)}, but got '
                f'{", ".join(new_classes)}; leave `metainfo` out.'
            )
        places = {name: i for i, name in enumerate(new_classes)}
        return {old: places.get(name, 255) for old, name in enumerate(self._set_classes)}

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
            entries = [e for e in entries if {e.class_name, *e.class_names} & set(self.classes)]
        if self.only_recognised:
            entries = [e for e in entries if e.measures.get('clip_agrees') != 0]
        share = uncertain_share(root) if self.drop_uncertain_share is None else self.drop_uncertain_share
        chosen = leave_out_uncertain(entries, share)
        if not chosen:
            raise UserError(f'Expected samples of {", ".join(self.classes or ())} in {root}, but there are none.')
        return [self._data_info(root, entry) for entry in chosen]

    def _data_info(self, root: Path, entry: Entry) -> dict:
        paths = {kind: str(root / path) for kind, (path, _) in entry.files.items()}
        return {
            'img_path': paths['image'],
            'seg_map_path': paths['mask'] if self.label_source == 'mask' else None,
            'evidence_path': paths.get('evidence'),
            'class_name': entry.class_name,
            'class_names': entry.class_names or (entry.class_name,),
            'label_map': self.label_map,
            'reduce_zero_label': self.reduce_zero_label,
            'seg_fields': [],
        }


def _metainfo(classes: Sequence[str]) -> dict[str, Any]:
    return {'classes': tuple(classes), 'palette': voc_palette()[: len(classes)].tolist()}
