"""Memory of feature maps, keyed by what an image holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor

HALF = torch.float16
Maps = tuple[Tensor, ...]


class FeatureCache:
    """Keep the feature maps of images in main memory, in half precision, until a limit is reached.

    The key is the image's own content, so a hit is right whatever the file, the order or the pipeline. Once
    full, the cache keeps what it has: under a training loop that visits every image in turn, throwing out the
    oldest would never hit again. Copies (`copy.deepcopy`, pickle) start empty.

    Args:
        max_mb: Limit in MiB.
        setting: What the limit is called in a config, for messages.

    Raises:
        ValueError: ``max_mb`` is not positive.
    """

    # Bytes that a sample may take beyond its values.
    overhead = 0

    def __init__(self, max_mb: float, setting: str = 'backbone.max_cache_mb') -> None:
        if not max_mb > 0:
            raise ValueError(f'Expected `{setting}` to be more than 0, but got {max_mb}.')
        self.setting = setting
        self.max_bytes = int(max_mb * 2**20)
        self.num_bytes = 0
        self.hits = 0
        self.misses = 0
        self._maps: dict[bytes, Maps] = {}
        self._full = False

    def __len__(self) -> int:
        return len(self._maps)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.max_bytes / 2**20, self.setting)

    def fetch(self, images: Tensor, compute: Callable[[Tensor], Sequence[Tensor]]) -> list[Tensor]:
        """Return the feature maps of a batch, computing only those of images that were not seen before.

        Every map passes through half precision, also the first time, so hits and misses give the same values.

        Args:
            images: Batch (B, 3, H, W).
            compute: Returns the feature maps [(b, C, h, w), ...] of any part of the batch.
        """
        keys = [content_key(image) for image in images]
        found = {key: maps for key in dict.fromkeys(keys) if (maps := self._read(key)) is not None}
        # The first place of each unknown image: one that stands twice in a batch is computed once.
        missing = [i for i, key in enumerate(keys) if key not in found and keys.index(key) == i]
        self.misses += len(missing)
        self.hits += len(keys) - len(missing)
        if missing:
            for i, maps in zip(missing, zip(*compute(images[missing]), strict=True), strict=True):
                found[keys[i]] = tuple(halve(x) for x in maps)
                self._offer(keys[i], found[keys[i]])
        levels = zip(*(found[key] for key in keys), strict=True)
        return [torch.stack([x.to(images.device, images.dtype) for x in level]) for level in levels]

    def report(self) -> dict[str, float]:
        """Return how much the cache holds and how often it helped: samples, MiB, limit, hits, misses."""
        return dict(
            samples=len(self),
            mb=self.num_bytes / 2**20,
            max_mb=self.max_bytes / 2**20,
            hits=self.hits,
            misses=self.misses,
        )

    def _read(self, key: bytes) -> Maps | None:
        return self._maps.get(key)

    def _write(self, key: bytes, maps: Maps) -> int:
        """Keep the maps and return by how many bytes the cache has grown."""
        self._maps[key] = maps
        return maps_bytes(maps)

    def _offer(self, key: bytes, maps: Maps) -> None:
        if self.num_bytes + maps_bytes(maps) + self.overhead <= self.max_bytes:
            self.num_bytes += self._write(key, maps)
        elif not self._full:
            self._full = True
            print_log(
                f'The feature cache is full: {self.num_bytes / 2**20:.0f} of {self.max_bytes / 2**20:.0f} MiB. '
                f'Further images are computed each time; raise `{self.setting}`.',
                'current',
            )


def content_key(image: Tensor) -> bytes:
    """Return 16 bytes that stand for the values and the shape of an image."""
    array = image.detach().float().cpu().contiguous().numpy()
    return hashlib.blake2b(array.tobytes() + str(array.shape).encode(), digest_size=16).digest()


def halve(maps: Tensor) -> Tensor:
    """Return a copy on the CPU in half precision, or in single where a value does not fit."""
    half = maps.detach().to('cpu', HALF)
    return half if bool(half.isfinite().all()) else maps.detach().to('cpu', torch.float32)


def maps_bytes(maps: Sequence[Tensor]) -> int:
    """Return how many bytes the values of feature maps take."""
    return sum(x.numel() * x.element_size() for x in maps)
