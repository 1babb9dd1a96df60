"""Choose settings of style mixing on images of the embedded StyleGAN2 that nothing else is measured on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tqdm import tqdm

from mmseg_gen.functional.coordinate_search import coordinate_search
from mmseg_gen.functional.style_stack import StyleStack
from mmseg_gen.generators.stylegan2 import StyleGan2
from mmseg_gen.tables.scenes import TUNING_SEED
from mmseg_gen.tables.style_mixing import (
    StyleSetting,
    committed_setting,
    drawn_images,
    label,
    style_scores,
    variations,
)


def tune(
    model: StyleGan2,
    count: int,
    grid: Mapping[str, Sequence[Any]],
    *,
    start: Mapping[str, Any],
    rounds: int = 2,
    tell: Callable[[str, dict], None] = lambda name, scores: None,
) -> StyleSetting:
    """Return the setting of largest mean IoU that a coordinate search finds on the tuning images.

    Args:
        model: The embedded generator.
        count: Number of tuning images.
        grid: Values for 'cutoff' and for fields of the labelling; 'deviation' is that of one Gaussian in the middle.
        start: What to begin with in place of the committed values.
        rounds: Rounds of the search.
        tell: Called after each setting's turn with its name and the score of each value.
    """
    committed, truncation = committed_setting()
    images = drawn_images(model, count, TUNING_SEED, truncation)
    truths = [drawn.mask for drawn in images]
    stacks: dict[int, list[StyleStack]] = {}

    def score(values: dict[str, Any]) -> float:
        cutoff = values['cutoff']
        if cutoff not in stacks:
            stacks[cutoff] = [
                variations(model, drawn, cutoff, truncation) for drawn in tqdm(images, desc=f'c={cutoff}')
            ]
        setting = as_setting(values, committed)
        masks = [label(s, drawn.image, setting) for s, drawn in zip(stacks[cutoff], images, strict=True)]
        return float(style_scores(masks, truths).means['miou'].mean())

    values: dict[str, Any] = {'cutoff': committed.cutoff, **committed.labelling, **start}
    for step in coordinate_search(values, grid, score, rounds):
        tell(step.name, step.scores)
        values = step.best
    return as_setting(values, committed)


def as_setting(values: Mapping[str, Any], start: StyleSetting) -> StyleSetting:
    """Return the setting of searched values; see :func:`tune`."""
    labelling = {key: value for key, value in values.items() if key not in ('cutoff', 'deviation')}
    if 'deviation' in values:
        labelling['parts'] = (((0.5, 0.5, values['deviation'], values['deviation']),),)
    return replace(start, cutoff=values['cutoff'], labelling=labelling)
