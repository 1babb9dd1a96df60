"""ECSSD (Shi et al., "Hierarchical Image Saliency Detection on Extended CSSD", TPAMI 2016)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mmseg_gen.datasets.saliency import SaliencyDataset
from mmseg_gen.registry import DATASETS


@DATASETS.register_module()
class ECSSDDataset(SaliencyDataset):
    """1 000 photographs to test on; see :class:`SaliencyDataset` for the arguments."""

    FOLDERS: ClassVar[Mapping[str, tuple[str, str]]] = {'test': ('images', 'ground_truth_mask')}
