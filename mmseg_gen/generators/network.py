"""No call to the network that was not asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub import constants


@contextmanager
def without_network(forbidden: bool) -> Iterator[None]:
    """Keep the hub's client from the network inside the block; its setting is put back after it.

    ``local_files_only`` is not enough: the loaders still ask the hub for adapters of a model, and of what program asks.

    Args:
        forbidden: False does nothing.
    """
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or forbidden
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
