"""DUT-OMRON (Yang et al., "Saliency Detection via Graph-Based Manifold Ranking", CVPR 2013)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mmseg_gen.datasets.saliency import SaliencyDataset
from mmseg_gen.registry import DATASETS


@DATASETS.register_module()
class DUTOMRONDataset(SaliencyDataset):
    """5 168 photographs to test on; see :class:`SaliencyDataset` for the arguments."""

    FOLDERS: ClassVar[Mapping[str, tuple[str, str]]] = {'test': ('DUT-OMRON-image', 'pixelwiseGT-new-PNG')}
