"""Style mixing without a GAN: the same clusters on variations of a photograph by the text-to-image model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mmseg_gen.functional.array_files import write_array
from mmseg_gen.functional.style_stack import StyleStack
from mmseg_gen.generators.diffusion_styles import diffusion_stack
from mmseg_gen.generators.prompt_grammar import embedded_grammar
from mmseg_gen.tables.configs import load_config
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Claim, Paper, Row, Scores
from mmseg_gen.tables.scenes import labelled_scenes
from mmseg_gen.tables.style_mixing import StyleSetting, label, style_scores
from mmseg_gen.tables.training_free import embedded_parts

TITLE = 'Style mixing without a GAN: variations by a diffusion model'
CONFIG = 'embedded_diffusion_styles.py'
ALONE, SHARED, FREE = 'the image alone', 'variations, structure shared', 'variations, structure not shared'
PAPER = Paper(source='style mixing, Sec. 3.4: a remark, without numbers', columns=('mIoU',), rows={})
CLAIMS = [Claim(SHARED, ALONE, 'miou'), Claim(SHARED, FREE, 'miou')]
NOTE = (
    'Rendered scenes of ten classes, whose class is told. Each is carried up to a noise level by DDIM inversion and '
    'down again under prompts with other colours. Structure shared: at first self-attention is that of its own way '
    'down. The image alone is the same clustering and the same rule on its own colours. An image without confident '
    'foreground counts as an empty mask. Settings were chosen on other scenes, for the row with shared structure.'
)


@dataclass(frozen=True)
class Variation:
    """How scenes are varied: fields of :func:`diffusion_stack`, and the number of variations."""

    count: int
    options: dict[str, Any]


def run(context: Context) -> list[Row]:
    """Return the image alone, and variations with and without shared structure."""
    section = load_config(CONFIG).synthesis.to_dict()
    generator = section['generator']
    options = {key: generator[key] for key in ('strength', 'structure', 'guidance', 'batch')}
    labelling = {key: value for key, value in section['labeller'].items() if key != 'type'}
    shared = {'steps': section['steps'], **options}
    variants = {
        ALONE: None,
        FREE: Variation(generator['count'], {**shared, 'structure': 0.0}),
        SHARED: Variation(generator['count'], shared),
    }
    scenes = labelled_scenes(context.choose(100, 20))

    def scores(variation: Variation | None) -> Scores:
        setting = StyleSetting(0, generator['count'], labelling)
        stacks = (_stack(context, number, scene, variation) for number, scene in enumerate(scenes))
        masks = [label(stack, scene.image, setting) for stack, scene in zip(stacks, scenes, strict=True)]
        return style_scores(masks, [scene.mask for scene in scenes])

    return [
        context.row(
            name,
            {'scenes': len(scenes), 'labelling': labelling, 'variation': None if v is None else [v.count, v.options]},
            lambda v=v: scores(v),
        )
        for name, v in variants.items()
    ]


def _stack(context: Context, number: int, scene: Any, variation: Variation | None) -> StyleStack:
    if variation is None:
        return StyleStack(scene.image[None])
    settings = '-'.join(str(value) for value in (variation.count, *variation.options.values()))
    path = context.shared('diffusion_styles', settings, f'{number:06d}.npy')
    if not path.is_file():
        grammar = embedded_grammar()
        prompts = [grammar.draw(scene.class_name, 1000 * number + i) for i in range(variation.count)]
        prompt = f'a photo of a {scene.class_name}'
        write_array(path, diffusion_stack(embedded_parts(), scene.image, prompt, prompts, **variation.options).images)
    return StyleStack(np.load(path, allow_pickle=False))
