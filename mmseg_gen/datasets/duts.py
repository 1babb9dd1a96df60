"""DUTS, salient objects in photographs (Wang et al., "Learning to Detect Salient Objects", CVPR 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mmseg_gen.datasets.saliency import SaliencyDataset
from mmseg_gen.registry import DATASETS


@DATASETS.register_module()
class DUTSDataset(SaliencyDataset):
    """10 553 photographs to train on, 5 019 to test on; see :class:`SaliencyDataset` for the arguments."""

    FOLDERS: ClassVar[Mapping[str, tuple[str, str]]] = {
        'train': ('DUTS-TR/DUTS-TR-Image', 'DUTS-TR/DUTS-TR-Mask'),
        'test': ('DUTS-TE/DUTS-TE-Image', 'DUTS-TE/DUTS-TE-Mask'),
    }
