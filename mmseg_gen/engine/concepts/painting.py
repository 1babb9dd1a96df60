"""Images of the fine-tuned model with their masks, the set D'_s (fobadiffusion, Sec. 3.4 and Eq. 10)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from tqdm import tqdm

from mmseg_gen.datasets.image_reading import read_image
from mmseg_gen.engine.concepts.preliminary import label_maps
from mmseg_gen.engine.concepts.refinement import paint_backgrounds, read_labels
from mmseg_gen.engine.concepts.settings import ConceptSettings
from mmseg_gen.engine.concepts.stage import canvas_of, load_generator
from mmseg_gen.engine.pairs import GeneratedPair
from mmseg_gen.engine.planning import Sample
from mmseg_gen.engine.seeding import sample_rng
from mmseg_gen.engine.synthesis import SynthesisReport, synthesize
from mmseg_gen.functional.concept_evidence import ConceptEvidence
from mmseg_gen.functional.manifest import KEPT, read_manifest
from mmseg_gen.functional.writing import encode_png, write_bytes
from mmseg_gen.generators.fingerprint import weights_fingerprint
from mmseg_gen.generators.latents import decode_latents, encode_images, image_tensor
from mmseg_gen.generators.mean_attention import MeanAttention, concept_prompt
from mmseg_gen.generators.parts import Parts
from mmseg_gen.generators.text import encode_prompts
from mmseg_gen.generators.two_prompt_sampling import sample_between

FOREGROUNDS, BACKGROUNDS = 'foregrounds', 'backgrounds'


class ConceptPairs:
    """Paints images of a run's concepts and takes the evidence that ``ConceptLabel`` labels them by.

    Args:
        parts: The fine-tuned model.
        settings: Of the run.
    """

    def __init__(self, parts: Parts, settings: ConceptSettings) -> None:
        self.parts, self.settings, self.canvas = parts, settings, canvas_of(parts, settings)
        own = settings.evidence
        self.attention = MeanAttention(parts, own.steps, own.max_steps, own.num_samples, own.max_batch)
        self._background = encode_prompts(parts, [settings.background])

    def describe(self) -> str:
        """Return a hash of the weights."""
        return weights_fingerprint(self.parts)

    def generate(self, samples: Sequence[Sample]) -> list[GeneratedPair]:
        """Return one pair for each sample.

        Raises:
            ValueError: Attention or image of a sample are not finite.
        """
        images = self._paint(samples)
        concepts = self.settings.concepts
        if len(concepts) > 1:
            concepts = tuple((words[0],) for words in concepts)
        prompts = [concept_prompt(self.parts, sample.prompt, concepts) for sample in samples]
        seeds = [int(sample_rng(s.seed, 'attention').integers(2**63)) for s in samples]
        latents = encode_images(self.parts, image_tensor(images))
        maps = self.attention.maps(latents, prompts, seeds).numpy().astype(np.float16)
        masks = [label_maps(own, self.settings, self.canvas).labels > 0 for own in maps]
        seeds = [int(sample_rng(s.seed, 'background').integers(2**63)) for s in samples]
        without = paint_backgrounds(self.parts, images, masks, self.settings, seeds)
        ids = tuple(range(1, len(concepts) + 1)) if len(concepts) > 1 else ()
        return [
            GeneratedPair(image, ConceptEvidence(own, background, ids))
            for image, own, background in zip(images, maps, without, strict=True)
        ]

    def _paint(self, samples: Sequence[Sample]) -> list[np.ndarray]:
        """Return the images of samples, RGB uint8 of the canvas's size."""
        own, scale = self.settings.synthesis, self.parts.latent_scale
        shape = (self.parts.unet.config.in_channels, self.canvas[0] // scale, self.canvas[1] // scale)
        noise = [sample_rng(s.seed, 'noise').standard_normal(shape, dtype=np.float32) for s in samples]
        context = encode_prompts(self.parts, [sample.prompt for sample in samples])
        start = torch.from_numpy(np.stack(noise)).to(self.parts.device)
        latents = sample_between(self.parts, context, self._background, start, [own.guidance], steps=own.steps)[0]
        pixels = (decode_latents(self.parts, latents) + 1) * 127.5
        return list(pixels.round().byte().permute(0, 2, 3, 1).cpu().numpy())


def paint_set(
    settings: ConceptSettings, folder: Path, generator: str | Path | None = None, parts: Parts | None = None
) -> SynthesisReport:
    """Make the set D'_s in a folder, or go on with it, with pictures of foregrounds and backgrounds.

    ``foregrounds/NAME.png`` is the image, transparent outside the object.

    Args:
        settings: Of the run.
        folder: Of the set.
        generator: Folder of the fine-tuned model; None for the run's own.
        parts: The model, loaded; None loads it.

    Raises:
        UserError: The set was begun with other settings, or no sample was kept.
    """
    parts = parts or load_generator(settings, generator)
    config = {'synthesis': synthesis_config(settings, str(generator or settings.generator), canvas_of(parts, settings))}
    report = synthesize(config, folder, generator=ConceptPairs(parts, settings))
    _write_layers(folder)
    return report


def synthesis_config(settings: ConceptSettings, generator: str, canvas: tuple[int, int]) -> dict[str, Any]:
    """Return the ``synthesis`` section that a run's set is made with.

    Args:
        settings: Of the run.
        generator: Name of the model.
        canvas: Height and width of the images.
    """
    own, words = settings.synthesis, [words[0] for words in settings.concepts]
    labeller, refine = settings.labeller.mixture, settings.refine.mixture
    named = ' and a '.join(words)
    # The prompt's wording stays where the classes can be put into it.
    template = settings.prompt.replace(named, '{class}', 1) if named in settings.prompt else 'a photo of a {class}'
    return dict(
        generator=generator,
        classes=words,
        template=template,
        objects=(len(words), len(words)) if len(words) > 1 else None,
        num_samples=own.num_samples,
        steps=own.steps,
        guidance=own.guidance,
        seed=settings.seed,
        batch_size=own.batch_size,
        first_batch=min(4, own.batch_size),
        height=canvas[0],
        width=canvas[1],
        dtype=settings.dtype,
        labeller=dict(type='ConceptLabel', preliminary=vars(labeller), refine=vars(refine)),
        filter=own.filter,
    )


def _write_layers(root: Path) -> None:
    """Write the foreground and the background of each kept sample, as far as they are not there."""
    for kind in (FOREGROUNDS, BACKGROUNDS):
        (root / kind).mkdir(exist_ok=True)
    entries = [entry for entry in read_manifest(root) if entry.status == KEPT]
    for entry in tqdm(entries, desc='layers', unit='sample', disable=None):
        front, back = (root / kind / f'{entry.name}.png' for kind in (FOREGROUNDS, BACKGROUNDS))
        if not back.is_file():
            evidence = ConceptEvidence.load(root / entry.files['evidence'][0])
            write_bytes(back, encode_png(evidence.background))
        if not front.is_file():
            image = read_image(root / entry.files['image'][0])
            inside = read_labels(root / entry.files['mask'][0]) > 0
            layers = np.dstack([image[..., ::-1], inside.astype(np.uint8) * np.uint8(255)])
            write_bytes(front, cv2.imencode('.png', layers)[1].tobytes())
