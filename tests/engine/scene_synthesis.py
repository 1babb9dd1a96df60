"""A generator of label maps without models: each class of a sample is a square of its own colour."""

from __future__ import annotations

import numpy as np
from PIL import Image

from mmseg_gen.engine.pairs import GeneratedPair
from mmseg_gen.engine.synthesis import synthesize
from mmseg_gen.functional.evidence import Evidence
from mmseg_gen.functional.scene_evidence import SceneEvidence
from tests.engine.fake_synthesis import fake_config

CLASSES = ['dog', 'cat', 'fire engine', 'cup']
SIDE, GRID = 24, 12
COLORS = np.array([[60, 60, 60], [230, 40, 40], [40, 230, 40], [40, 40, 230], [230, 230, 40]], np.uint8)


class SceneGenerator:
    """Paints each class of a sample as a square of its own colour; ``absent`` classes are left out."""

    def __init__(self, absent=(), clip=None):
        self.absent, self.clip = set(absent), clip or {}

    def describe(self):
        return 'squares'

    def generate(self, samples):
        return [self._pair(sample) for sample in samples]

    def _pair(self, sample):
        truth = truth_of(sample, self.absent)
        classes = []
        for class_id in sample.class_ids:
            inside = truth[::2, ::2] == class_id
            cross = np.stack([0.2 + 0.6 * inside] * 2)
            classes.append(Evidence(cross, cross.std((1, 2)), inside * 0.5, np.full((4, GRID, GRID), 0.1)))
        scene = SceneEvidence(sample.class_ids, tuple(classes))
        return GeneratedPair(COLORS[truth], scene, *self.clip.get(sample.index, (None, None)))


def truth_of(sample, absent=()):
    truth = np.zeros((SIDE, SIDE), np.uint8)
    for place, (name, class_id) in enumerate(zip(sample.class_names, sample.class_ids, strict=True)):
        if name not in absent:
            truth[6:18, 2 + 12 * place : 10 + 12 * place] = class_id
    return truth


def config(**changes):
    settings = dict(
        classes=CLASSES, objects=[1, 2], num_samples=8, labeller=dict(type='SceneCutLabel', min_contrast=0.05)
    )
    return fake_config(**{**settings, **changes})


def run(root, generator=None, worker=None, **changes):
    return synthesize(config(**changes), root, generator=generator or SceneGenerator(), worker=worker)


def read(path):
    return np.array(Image.open(path))
