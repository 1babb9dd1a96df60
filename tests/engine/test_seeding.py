from __future__ import annotations

import hashlib

import numpy as np

from mmseg_gen.engine.seeding import sample_rng, sample_seed


def test_the_seed_is_the_sha256_of_its_three_parts():
    digest = hashlib.sha256(b'[7, "dog", 12]').hexdigest()
    assert sample_seed(7, 'dog', 12) == int(digest[:16], 16) // 2


def test_seeds_differ_in_every_part_and_fit_63_bits():
    seeds = {sample_seed(r, c, i) for r in range(5) for c in ('dog', 'cat', 'dög') for i in range(50)}
    assert len(seeds) == 5 * 3 * 50
    assert 0 <= min(seeds)
    assert 2**62 < max(seeds) < 2**63


def test_streams_use_all_bits_and_differ_by_purpose():
    draw = [sample_rng(s, p).random(4) for s, p in ((1, 'noise'), (1 + 2**32, 'noise'), (1, 'prompt'))]
    assert len({tuple(d) for d in draw}) == 3
    assert np.array_equal(sample_rng(1, 'noise').random(4), draw[0])
