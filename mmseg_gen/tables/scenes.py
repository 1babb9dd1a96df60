"""The embedded world's scenes that tables choose on and judge by: neither was any model trained on."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_gen.evaluation.training_free import LabelledImage
from mmseg_gen.generators.embedded.corpus import HELD_OUT_SEED
from mmseg_gen.generators.embedded.scenes import CLASSES, render_scene

# Settings are chosen on scenes from here on and judged on those from HELD_OUT_SEED on.
TUNING_SEED = 5_000_000


def labelled_scenes(
    count: int, *, first_seed: int = HELD_OUT_SEED, classes: Sequence[str] = CLASSES
) -> list[LabelledImage]:
    """Return scenes of one object each, the classes in turn, with exact masks.

    Args:
        count: Number of scenes.
        first_seed: ``HELD_OUT_SEED`` to judge by, ``TUNING_SEED`` to choose settings on.
        classes: Classes, in turn.
    """
    samples = []
    for number in range(count):
        name = classes[number % len(classes)]
        scene = render_scene(first_seed + number, names=[name])
        samples.append(LabelledImage(scene.image, name, scene.labels > 0))
    return samples
