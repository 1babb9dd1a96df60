"""Memory of feature maps, keyed by what an image holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

HALF = torch.float16


class FeatureCache:
    """Keep the feature maps of images in main memory, in half precision, until a limit is reached.

    The key is the image's own content, so a hit is right whatever the file, the order or the pipeline. Once
    full, the cache keeps what it has: under a training loop that visits every image in turn, throwing out the
    oldest would never hit again. Copies (`copy.deepcopy`, pickle) start empty.

    Args:
        max_mb: Limit in MiB.
    """

    def __init__(self, max_mb: float) -> None:
        self.max_bytes = int(max_mb * 2**20)
        self.num_bytes = 0
        self._maps: dict[bytes, tuple[Tensor, ...]] = {}

    def __len__(self) -> int:
        return len(self._maps)

    def __reduce__(self) -> tuple[Any, ...]:
        return FeatureCache, (self.max_bytes / 2**20,)

    def fetch(self, images: Tensor, compute: Callable[[Tensor], Sequence[Tensor]]) -> list[Tensor]:
        """Return the feature maps of a batch, computing only those of images that were not seen before.

        Every map passes through half precision, also the first time, so hits and misses give the same values.

        Args:
            images: Batch (B, 3, H, W).
            compute: Returns the feature maps [(b, C, h, w), ...] of any part of the batch.
        """
        keys = [_content_key(image) for image in images]
        found = {key: self._maps[key] for key in keys if key in self._maps}
        missing = [i for i, key in enumerate(keys) if key not in found]
        if missing:
            for i, maps in zip(missing, zip(*compute(images[missing]), strict=True), strict=True):
                found[keys[i]] = tuple(_halve(x) for x in maps)
                self._keep(keys[i], found[keys[i]])
        levels = zip(*(found[key] for key in keys), strict=True)
        return [torch.stack([x.to(images.device, images.dtype) for x in level]) for level in levels]

    def _keep(self, key: bytes, maps: tuple[Tensor, ...]) -> None:
        size = sum(x.numel() * x.element_size() for x in maps)
        if key not in self._maps and self.num_bytes + size <= self.max_bytes:
            self._maps[key] = maps
            self.num_bytes += size


def _content_key(image: Tensor) -> bytes:
    array = image.detach().float().cpu().contiguous().numpy()
    return hashlib.blake2b(array.tobytes() + str(array.shape).encode(), digest_size=16).digest()


def _halve(maps: Tensor) -> Tensor:
    """Return a copy on the CPU in half precision, or in single where a value does not fit."""
    half = maps.detach().to('cpu', HALF)
    return half if bool(half.isfinite().all()) else maps.detach().to('cpu', torch.float32)
