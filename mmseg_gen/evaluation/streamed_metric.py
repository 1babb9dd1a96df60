"""A metric whose state is one total instead of an entry for each image."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from mmengine.dist import get_dist_info
from mmengine.evaluator import BaseMetric


class StreamedMetric(BaseMetric):
    """Holds a total and the latest record only, so memory does not grow with the data set.

    Where the images do not divide evenly among processes, MMEngine's sampler repeats some at the end, at most
    one for each process. The latest record is therefore kept apart until the size of the data set is known.

    Args:
        kwargs: ``prefix``, ``collect_device``, ``collect_dir`` of MMEngine's ``BaseMetric``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._reset()

    def _reset(self) -> None:
        self._total: Any = None
        self._latest: Any = None
        self._seen = 0

    @abstractmethod
    def add(self, total: Any, record: Any) -> Any:
        """Return the total with one more record; ``total`` is None for the first, and may be changed."""

    def stream(self, record: Any) -> None:
        """Take the record of the next image; call it exactly once for each, in order."""
        if self._seen:
            self._total = self.add(self._total, self._latest)
        self._latest = record
        self._seen += 1

    def evaluate(self, size: int) -> dict[str, float]:
        """Return the scores of all processes together, and start anew.

        Args:
            size: Number of images of the data set.
        """
        rank, world_size = get_dist_info()
        # Image i of process r is number i * world_size + r of the data set.
        if self._seen and (self._seen - 1) * world_size + rank < size:
            self._total = self.add(self._total, self._latest)
        self.results = [self._total]
        self._reset()
        return super().evaluate(world_size)
