"""Numbers of samples without end, shared out to the processes."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from itertools import count

from mmengine.dist import get_dist_info
from mmseg.registry import DATA_SAMPLERS
from torch.utils.data import Sampler


@DATA_SAMPLERS.register_module()
class DrawSampler(Sampler):
    """Yield r, r + W, r + 2 W, ... in process r of W.

    So W processes with batches of b see together what one process with batches of W b sees. For data sets such as
    ``ConceptDataset`` that do their own shuffling.

    Args:
        dataset: The data set; only its length is looked at.
        seed: Not used: the data set has its own. MMEngine's runner gives one to every sampler.
    """

    def __init__(self, dataset: Sized, seed: int | None = None) -> None:
        self.dataset = dataset
        self.rank, self.world_size = get_dist_info()

    def __iter__(self) -> Iterator[int]:
        return count(self.rank, self.world_size)

    def __len__(self) -> int:
        return len(self.dataset)
