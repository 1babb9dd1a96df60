"""Pairs of an image and the evidence of several classes, by a tiny random generator."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_gen.engine.pair_generator import DiffusionPairGenerator
from mmseg_gen.engine.planning import Sample
from mmseg_gen.engine.settings import EvidenceSettings
from mmseg_gen.generators.clip_prior import ClipPrior
from tests.tiny_models import tiny_parts


def test_evidence_of_each_class_is_that_of_asking_for_it_alone():
    generator = DiffusionPairGenerator(
        tiny_parts(clip=True), steps=2, guidance=3.0, evidence=EvidenceSettings(top_k=2, num_seeds=4)
    )
    prompt = 'a photo of a cat and a dog'
    scenes = [
        Sample(0, 'cat', prompt, 11, ('cat', 'dog'), (1, 2)),
        Sample(1, 'dog', 'a photo of a dog', 12, ('dog',), (2,)),
    ]
    pairs = generator.generate(scenes)
    assert [p.evidence.class_ids for p in pairs] == [(1, 2), (2,)]
    for i, name in enumerate(('cat', 'dog')):
        alone = generator.generate([Sample(0, name, prompt, 11)])[0].evidence
        for field in ('cross', 'deviation', 'affinity'):
            np.testing.assert_allclose(
                getattr(pairs[0].evidence.classes[i], field), getattr(alone, field), rtol=1e-3, atol=1e-5
            )


def test_clip_agrees_where_its_first_classes_are_the_samples():
    parts = tiny_parts(clip=True)
    prior = ClipPrior(parts.clip, ['cat', 'dog', 'bird'])
    generator = DiffusionPairGenerator(parts, steps=1, evidence=EvidenceSettings(top_k=2, num_seeds=4), prior=prior)

    class Rows:
        names = prior.names

        @staticmethod
        def probabilities(images):
            import torch

            return torch.tensor([[0.2, 0.5, 0.3], [0.2, 0.5, 0.3], [0.2, 0.5, 0.3]])[: len(images)]

    generator.prior = Rows
    samples = [
        Sample(0, 'dog', 'a photo of a dog', 1),
        Sample(1, 'cat', 'a photo of a cat', 1),
        Sample(2, 'bird', 'a photo of a bird and a dog', 1, ('bird', 'dog'), (3, 2)),
    ]
    assert generator._ask_clip([None] * 3, samples) == [
        (pytest.approx(0.5), True), (pytest.approx(0.2), False), (pytest.approx(0.3), True),
    ]  # fmt: skip
