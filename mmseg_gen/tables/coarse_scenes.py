"""Scenes with coarse masks of several kinds and degrees: what the G4Seg tables refine.

Shape letters: n objects of a scene.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmseg_gen.functional.coarsening import coarsen_mask, soften_mask
from mmseg_gen.functional.region_counts import mask_iou
from mmseg_gen.generators.embedded.corpus import HELD_OUT_SEED
from mmseg_gen.generators.embedded.scenes import CLASSES, render_scene
from mmseg_gen.refiners.contract import BACKGROUND

# Scenes drawn for each that is wanted, where some are passed over.
_TRIES = 20


@dataclass(frozen=True)
class CoarseScene:
    """A scene, its exact label map, and what a weak segmentor would say.

    Attributes:
        image: RGB uint8 ``(H, W, 3)``.
        classes: 'background' and the n classes of the scene.
        truth: Labels 0 to n, ``(H, W)``.
        probabilities: Coarse, ``(n + 1, H, W)`` float32, summing to 1.
        kind: How the masks were made coarse.
    """

    image: np.ndarray
    classes: list[str]
    truth: np.ndarray
    probabilities: np.ndarray
    kind: str

    def ious(self, labels: np.ndarray) -> list[float]:
        """Return the IoU of each object's labels."""
        return [mask_iou(labels == c, self.truth == c) for c in range(1, len(self.classes))]


def coarse_scenes(
    count: int,
    settings: Mapping[str, Any],
    *,
    first_seed: int = HELD_OUT_SEED,
    iou: Sequence[float] | None = None,
    least: float = 0.0,
) -> list[CoarseScene]:
    """Return scenes of one and of two objects in turn, the classes and the kinds of coarseness in turn.

    Args:
        count: Number of scenes.
        settings: ``kinds``, ``iou`` (range that each mask's largest IoU is drawn from) and ``soften`` (pixels).
        first_seed: ``HELD_OUT_SEED`` to judge by, ``TUNING_SEED`` to choose settings on.
        iou: Another range than that of the settings.
        least: Scenes with an object below this IoU, after softening, are passed over.

    Raises:
        ValueError: Too few scenes reach ``least``.
    """
    found: list[CoarseScene] = []
    for number in range(_TRIES * count):
        scene = _coarse_scene(number, settings, first_seed, iou or settings['iou'])
        if min(scene.ious(scene.probabilities.argmax(0))) >= least:
            found.append(scene)
        if len(found) == count:
            return found
    raise ValueError(f'Expected {count} scenes with an IoU of at least `least`, but {least} left {len(found)}.')


def _coarse_scene(number: int, settings: Mapping[str, Any], first_seed: int, iou: Sequence[float]) -> CoarseScene:
    names = [CLASSES[number % len(CLASSES)]]
    if number % 2:
        # Steps of 3 through ten classes: every pair differs.
        names.append(CLASSES[(number + 3) % len(CLASSES)])
    scene = render_scene(first_seed + number, names=names)
    # Each class counts once, also where its object is hidden behind the other.
    truth = sum((i + 1) * (scene.labels == 1 + CLASSES.index(name)) for i, name in enumerate(names)).astype(np.int64)
    kind = settings['kinds'][(number // 2) % len(settings['kinds'])]
    rng = np.random.default_rng(first_seed + number)
    objects = np.stack(
        [
            soften_mask(coarsen_mask(truth == c, kind, rng.uniform(*iou), number, iou[0]), settings['soften'])
            for c in range(1, len(names) + 1)
        ]
    )
    objects = objects / np.maximum(1, objects.sum(0))
    probabilities = np.concatenate([1 - objects.sum(0, keepdims=True), objects]).clip(0, 1).astype(np.float32)
    return CoarseScene(scene.image, [BACKGROUND, *names], truth, probabilities, kind)
