"""Seeds of generated samples: a pure function of what the sample is, never of who makes it or when."""

from __future__ import annotations

import hashlib
import json

import numpy as np


def sample_seed(run_seed: int, class_name: str, index: int) -> int:
    """Return the seed of a sample, in [0, 2**63): the first eight bytes of a SHA-256, less one bit.

    Args:
        run_seed: Seed of the whole run.
        class_name: Class the sample shows.
        index: Position of the sample in the set, from 0.

    Example:
        >>> sample_seed(0, 'dog', 3) == sample_seed(0, 'dog', 3) != sample_seed(0, 'cat', 3)
        True
    """
    text = json.dumps([int(run_seed), class_name, int(index)], ensure_ascii=True)
    return int.from_bytes(hashlib.sha256(text.encode('ascii')).digest()[:8], 'big') >> 1


def sample_rng(seed: int, purpose: str) -> np.random.Generator:
    """Return the random stream of one sample for one purpose ('prompt', 'noise', ...).

    Streams are independent. NumPy's generator takes all bits of the seed; the CPU generator of PyTorch keeps
    32 of them.
    """
    digest = hashlib.sha256(purpose.encode('utf-8')).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], 'big')])
