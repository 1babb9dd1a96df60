"""Attention evidence of the scenes, along their inversion: made once, kept, and shared by tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from mmseg_gen.evaluation.training_free import LabelledImage
from mmseg_gen.functional.evidence import Evidence
from mmseg_gen.generators.capture import AttentionRecorder
from mmseg_gen.generators.clip_prior import ClipPrior
from mmseg_gen.generators.embedded.scenes import CLASSES
from mmseg_gen.generators.evidence import collect_evidence
from mmseg_gen.generators.inversion import invert_latents
from mmseg_gen.generators.latents import encode_images, image_tensor
from mmseg_gen.generators.parts import Parts
from mmseg_gen.generators.prompt_grammar import with_articles
from mmseg_gen.generators.prompts import class_token_positions
from mmseg_gen.generators.text import encode_prompts
from mmseg_gen.tables.context import Context, short_hash

TEMPLATE = 'a photo of a {}'
# Where the class comes from: CLIP as in the paper, the scene's own, or none (the empty text in the class's place).
LABELS = ('clip', 'true', 'none')
_BATCH = 25


@dataclass(frozen=True)
class Inversion:
    """How evidence is taken.

    Attributes:
        label: One of ``LABELS``.
        steps: DDIM steps.
        top_k: Layers of the map whose boundary gives the seeds.
        tau: Threshold of that map.
        num_seeds: Number of seeds.
    """

    label: str = 'clip'
    steps: int = 20
    top_k: int = 6
    tau: float = 0.5
    num_seeds: int = 16

    def __post_init__(self) -> None:
        if self.label not in LABELS:
            raise ValueError(f'Expected `label` from {", ".join(LABELS)}, but got {self.label!r}.')


def pixels_of(samples: Sequence[LabelledImage]) -> torch.Tensor:
    """Return the images as the generator takes them, ``(N, 3, H, W)`` in [-1, 1]."""
    return image_tensor([s.image for s in samples])


def labels_of(parts: Parts, samples: Sequence[LabelledImage], label: str) -> list[str]:
    """Return each image's class as ``label`` says; '' for none."""
    if label == 'clip':
        return ClipPrior(parts.clip, CLASSES, (TEMPLATE,)).classify(pixels_of(samples))
    return [s.class_name if label == 'true' else '' for s in samples]


@torch.no_grad()
def invert(
    parts: Parts, samples: Sequence[LabelledImage], inversions: Sequence[Inversion], first: int = 0
) -> list[list[Evidence]]:
    """Return the evidence of one batch of images by one inversion, read out in several ways.

    Args:
        parts: The generator.
        samples: Images of one size.
        inversions: Ways to read it out; they agree in ``label`` and ``steps``.
        first: Number of the first image, which decides the draw of its seeds.
    """
    run = inversions[0]
    if any((other.label, other.steps) != (run.label, run.steps) for other in inversions):
        raise ValueError(f'Expected `inversions` of one label and number of steps, but got {list(inversions)}.')
    names = labels_of(parts, samples, run.label)
    prompts = [with_articles(TEMPLATE.format(name)).strip() for name in names]
    positions = [class_positions(parts, *pair) for pair in zip(prompts, names, strict=True)]
    latents = encode_images(parts, pixels_of(samples).to(parts.device))
    recorder = AttentionRecorder(parts.unet, (latents.shape[-2], latents.shape[-1]))
    invert_latents(parts, latents, encode_prompts(parts, prompts), steps=run.steps, recorder=recorder)
    seeds = list(range(first, first + len(samples)))
    return [
        collect_evidence(recorder, positions, top_k=i.top_k, tau=i.tau, num_seeds=i.num_seeds, seeds=seeds)
        for i in inversions
    ]


def class_positions(parts: Parts, prompt: str, name: str) -> list[int]:
    """Return the positions of a class among a prompt's tokens; without one, of the end token in its place."""
    if name:
        return class_token_positions(parts.tokenizer, prompt, name)
    return [len(parts.tokenizer(prompt).input_ids) - 1]


def scene_evidence(
    context: Context, parts: Parts, samples: Sequence[LabelledImage], first_seed: int, inversions: Sequence[Inversion]
) -> list[list[Evidence]]:
    """Return the evidence of scenes, one list per way to read it out, computing only what is not there yet.

    Args:
        context: Gives the folder.
        parts: The generator with the context's weights.
        samples: Scenes in order, beginning with that of seed ``first_seed``.
        first_seed: As in :func:`~mmseg_gen.tables.scenes.labelled_scenes`.
        inversions: As in :func:`invert`.
    """
    folders = [_folder(context, first_seed, inversion) for inversion in inversions]
    missing = [i for i in range(len(samples)) if not all((folder / f'{i:06d}.npz').is_file() for folder in folders)]
    with tqdm(total=len(samples), initial=len(samples) - len(missing), unit='scene', desc='inversion') as bar:
        # Whole batches from a fixed start, so that a scene's numbers do not depend on where a run was interrupted.
        for start in sorted({i - i % _BATCH for i in missing}):
            chunk = samples[start : start + _BATCH]
            for folder, found in zip(folders, invert(parts, chunk, inversions, start), strict=True):
                for i, item in enumerate(found, start):
                    item.save(folder / f'{i:06d}.npz')
            bar.update(sum(start <= i < start + _BATCH for i in missing))
    return [[Evidence.load(folder / f'{i:06d}.npz') for i in range(len(samples))] for folder in folders]


def _folder(context: Context, first_seed: int, inversion: Inversion) -> Path:
    identity = json.dumps([first_seed, asdict(inversion)], sort_keys=True)
    folder = context.shared('evidence', f'{inversion.label}-{first_seed}-{short_hash(identity)}')
    folder.mkdir(exist_ok=True)
    return folder
