"""Mean attention maps of held-out scenes, kept apart by time, noise sample and token: what three tables read.

Shape letters: N scenes, R noise samples, T times, K tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from tqdm import tqdm

from mmseg_gen.evaluation.training_free import LabelledImage
from mmseg_gen.functional.array_files import write_array
from mmseg_gen.functional.canvas import resize_map
from mmseg_gen.functional.saliency import auc_roc
from mmseg_gen.generators.conditioning import as_conditioning
from mmseg_gen.generators.latents import encode_images
from mmseg_gen.generators.mean_attention import ConceptPrompt, MeanAttention, concept_prompt
from mmseg_gen.generators.parts import Parts
from mmseg_gen.generators.prompt_grammar import with_articles
from mmseg_gen.generators.text import encode_prompts
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Scores
from mmseg_gen.tables.evidence import TEMPLATE, pixels_of
from mmseg_gen.tables.training_free import HELD_OUT_SEED, embedded_parts

STEPS = 50
# Start, "a", "photo", "of", "a", the class, end.
TOKENS = ('start', 'a (first)', 'photo', 'of', 'a (second)', 'class', 'end')


def step_maps(
    context: Context, scenes: Sequence[LabelledImage], *, used: int, repeats: int = 1, tokens: bool = False
) -> np.ndarray:
    """Return the maps of scenes, float16 ``(N, R, T, K, h, w)``, computed only where no run has done so.

    Args:
        context: Gives the folder.
        scenes: From :func:`~mmseg_gen.tables.scenes.labelled_scenes`.
        used: T, the cleanest of 50 times.
        repeats: R.
        tokens: One map for each of ``TOKENS`` instead of one for the class.
    """
    found = []
    for number, scene in enumerate(tqdm(scenes, desc='mean attention', unit='scene', disable=None)):
        name = f'{HELD_OUT_SEED + number}_{scene.class_name}_{used}x{repeats}{"_tokens" if tokens else ""}.npy'
        path = context.shared('mean_attention', name)
        if not path.is_file():
            write_array(path, _scene_maps(scene, number, used, repeats, tokens))
        found.append(np.load(path, allow_pickle=False))
    return np.stack(found)


def map_scores(maps: np.ndarray, scenes: Sequence[LabelledImage]) -> Scores:
    """Return the ``auc`` of maps.

    Args:
        maps: ``(N, h, w)``.
        scenes: N.
    """
    areas = []
    for values, scene in zip(maps.astype(np.float32), scenes, strict=True):
        grown = torch.from_numpy(resize_map(values, scene.mask.shape))
        areas.append(auc_roc(grown, torch.from_numpy(scene.mask)))
    return Scores(means={'auc': np.array(areas)})


def _scene_maps(scene: LabelledImage, number: int, used: int, repeats: int, tokens: bool) -> np.ndarray:
    parts = embedded_parts()
    prompt = _prompt(parts, scene.class_name, tokens)
    attention = MeanAttention(parts, STEPS, used, repeats, max_batch=50)
    return (
        attention.step_maps(encode_images(parts, pixels_of([scene])), [prompt], [number])[0].numpy().astype(np.float16)
    )


def _prompt(parts: Parts, name: str, tokens: bool) -> ConceptPrompt:
    text = with_articles(TEMPLATE.format(name))
    if not tokens:
        return concept_prompt(parts, text, [[name]])
    count = len(parts.tokenizer(text).input_ids)
    first = list(range(len(TOKENS) - 2))
    # A class of several tokens is summed, like the paper's.
    positions = [*([i] for i in first), list(range(len(first), count - 1)), [count - 1]]
    return ConceptPrompt(as_conditioning(encode_prompts(parts, [text])), positions)
