"""Fingerprint of a model's weights: which of two caches was made by which model."""

from __future__ import annotations

import hashlib
import json

import torch
from torch import nn

from .parts import Parts


def weights_fingerprint(parts: Parts, *, with_clip: bool = False) -> str:
    """Return a hash over every parameter and buffer and the noise schedule, 32 hexadecimal digits.

    All weights count: a fine-tuned model may differ from its origin in a few layers in the middle. Takes about
    a second per gigabyte.

    Args:
        parts: The model.
        with_clip: Include CLIP, where it decides the prompt.
    """
    digest = hashlib.blake2b(digest_size=16)
    networks: dict[str, nn.Module | None] = {
        name: network for name, network in vars(parts).items() if isinstance(network, nn.Module)
    }
    if with_clip and parts.clip is not None:
        networks['clip'] = parts.clip.model
    for name in sorted(networks):
        _add(digest, name, networks[name])
    schedule = {key: value for key, value in parts.scheduler.config.items() if not key.startswith('_')}
    digest.update(json.dumps(schedule, sort_keys=True, default=str).encode('utf-8'))
    return digest.hexdigest()


def _add(digest, name: str, network: nn.Module) -> None:
    for key, value in sorted(network.state_dict().items()):
        digest.update(f'{name}.{key} {value.dtype} {tuple(value.shape)}'.encode())
        # Through bytes, for numpy knows no bfloat16.
        flat = value.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
