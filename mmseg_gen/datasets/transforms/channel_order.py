"""The order of an image's colour channels, as the label transforms take it."""

from __future__ import annotations

import numpy as np


def check_channel_order(order: str) -> str:
    """Return ``order`` if it is 'bgr' or 'rgb'.

    Raises:
        ValueError: It is neither.
    """
    if order not in ('bgr', 'rgb'):
        raise ValueError(f"Expected `channel_order` 'bgr' or 'rgb', but got {order!r}.")
    return order


def rgb_image(image: np.ndarray, order: str) -> np.ndarray:
    """Return an image ``(H, W, 3)`` of channels in ``order`` as RGB, contiguous."""
    return np.ascontiguousarray(image if order == 'rgb' else image[..., ::-1])
