"""Images of a StyleGAN2, or photographs, with their variations as evidence (Feng et al., Sec. 3 and 4.3)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmseg_gen.engine.pairs import GeneratedPair
from mmseg_gen.engine.planning import Sample
from mmseg_gen.engine.seeding import sample_rng
from mmseg_gen.engine.settings import SynthesisSettings
from mmseg_gen.engine.style_boxes import BoxSource, box_source
from mmseg_gen.engine.style_inversion import Latents, PhotoInverter, read_photo
from mmseg_gen.engine.style_settings import StyleMixingSettings
from mmseg_gen.errors import UserError
from mmseg_gen.functional.square import boxes_in_square
from mmseg_gen.functional.style_objects import pixel_boxes
from mmseg_gen.functional.style_stack import StyleStack
from mmseg_gen.generators.style_mixing import random_noise, style_stack, to_pixels
from mmseg_gen.generators.stylegan2 import StyleGan2, load_stylegan2
from mmseg_gen.generators.stylegan2.mixing import check_cutoff
from mmseg_gen.registry import GENERATORS

_DTYPES = {'float32': torch.float32, 'float16': torch.float16, 'bfloat16': torch.bfloat16}


@GENERATORS.register_module()
class StyleMixing:
    """Draws images, or inverts photographs, and varies their styles; labelled by ``StyleMixingLabel``.

    Args:
        model: The generator.
        settings: See :class:`StyleMixingSettings`.
        classes: The set's classes: one for masks of 0 and 255, several for label maps.
        boxes: Finds the objects; None labels the whole image.

    Raises:
        UserError: ``cutoff`` is outside the model's layers, or its side is not ``resolution``, or ``inversion`` cannot
            be used.
    """

    def __init__(
        self, model: StyleGan2, settings: StyleMixingSettings, classes: Sequence[str], boxes: BoxSource | None = None
    ) -> None:
        side = model.config.resolution
        if settings.resolution not in (None, side):
            raise UserError(
                f'Expected a checkpoint of `resolution` {settings.resolution}, but {settings.checkpoint} has {side}; '
                'correct one of the two, and `cutoff`, which counts its layers.'
            )
        try:
            check_cutoff(settings.cutoff, model.num_layers)
        except ValueError as error:
            raise UserError(f'{error} Correct `synthesis.generator.cutoff`.') from error
        self.model, self.settings, self.boxes = model, settings, boxes
        self.class_ids = tuple(range(1, len(classes) + 1)) if len(classes) > 1 else ()
        self.inversion = PhotoInverter.of(model, settings.inversion or {}) if settings.photos is not None else None

    @classmethod
    def from_settings(cls, settings: SynthesisSettings, classes: Sequence[str], local_rank: int = 0) -> StyleMixing:
        """Load what ``synthesis.generator`` names; arguments as of ``DiffusionPairGenerator.from_settings``.

        Raises:
            UserError: A setting is wrong, or several classes have neither boxes nor as many parts.
        """
        from mmseg_gen.engine.pair_generator import default_device

        style = StyleMixingSettings.from_dict(settings.generator)
        if settings.dtype not in _DTYPES:
            raise UserError(f'Expected `synthesis.dtype` from {", ".join(_DTYPES)}, but got {settings.dtype!r}.')
        parts = len(settings.labeller.get('parts', (None,)))
        if len(classes) > 1 and style.boxes is None and parts != len(classes):
            raise UserError(
                f'Expected `synthesis.generator.boxes`, or as many `synthesis.labeller.parts` as the {len(classes)} '
                f'classes, but got no boxes and {parts}.'
            )
        device = settings.device or default_device(local_rank)
        model = load_stylegan2(style.checkpoint, device, _DTYPES[settings.dtype])
        return cls(model, style, classes, box_source(style.boxes, classes, device))

    def describe(self) -> str:
        """Return a SHA-256 over the weights of the generator, and of the encoder where there is one."""
        digest, encoder = hashlib.sha256(), self.inversion.encoder if self.inversion else None
        for network in (self.model, encoder) if encoder is not None else (self.model,):
            for name, tensor in sorted(network.state_dict().items()):
                digest.update(name.encode('utf-8') + tensor.detach().float().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def generate(self, samples: Sequence[Sample]) -> list[GeneratedPair]:
        """Return one pair for each sample.

        Raises:
            ValueError: A photograph cannot be read, or a box lies outside its image.
            UserError: The variations do not fit into memory.
        """
        try:
            if self.inversion:
                root = Path(str(self.settings.photos)).expanduser()
                found = self.inversion([read_photo(root / sample.prompt) for sample in samples])
            else:
                found = [self._drawn(sample) for sample in samples]
            return [self.vary(sample, latents) for sample, latents in zip(samples, found, strict=True)]
        except torch.OutOfMemoryError as error:
            raise UserError(
                'Expected the images to fit into memory, but they did not; lower synthesis.generator.batch, now '
                f'{self.settings.batch}' + (', or synthesis.batch_size.' if self.inversion else '.')
            ) from error

    @torch.no_grad()
    def _drawn(self, sample: Sample) -> Latents:
        # One sample at a time: rounding depends on no batch.
        styles = content_styles(self.model, sample.seed, self.settings.truncation)
        noise = random_noise(self.model, sample.seed) if self.settings.noise == 'random' else self.settings.noise
        image = to_pixels(self.model.synthesis(styles, noise))[0]
        return Latents(image, styles, noise, image)

    def vary(self, sample: Sample, latents: Latents) -> GeneratedPair:
        """Return a sample's image with its variations as evidence; the styles of these are the sample's seed's."""
        settings = self.settings
        boxes, labels = self._boxes(sample, latents)
        stack = style_stack(
            self.model,
            latents.styles,
            cutoff=settings.cutoff,
            count=settings.count,
            seed=sample.seed,
            truncation=settings.styles_truncation,
            noise=latents.noise,
            batch=settings.batch,
            max_side=settings.max_side,
        )
        evidence = StyleStack(stack.images, boxes, labels, self.class_ids)
        measures = {} if latents.loss is None else {'inversion_loss': latents.loss}
        return GeneratedPair(latents.image, evidence, measures=measures, store_evidence=settings.store_evidence)

    def _boxes(self, sample: Sample, latents: Latents) -> tuple[np.ndarray | None, np.ndarray | None]:
        if self.boxes is None:
            return None, None
        boxes, labels = self.boxes.find(latents.seen, sample.prompt if self.inversion else sample.name)
        labels = labels if self.class_ids else np.ones_like(labels)
        pixel_boxes(boxes, (latents.seen.shape[0], latents.seen.shape[1]))  # refuses those outside
        if latents.square is None:
            return boxes, labels
        boxes, inside = boxes_in_square(boxes, latents.square, self.model.config.resolution)
        return boxes, labels[inside]


@torch.no_grad()
def content_styles(model: StyleGan2, seed: int, truncation: float) -> Tensor:
    """Return the styles of the image that a sample of this seed shows, ``(1, L, D)``."""
    z = sample_rng(seed, 'content').standard_normal((1, model.config.latent_dim), dtype=np.float32)
    return model.styles(torch.from_numpy(z).to(model.mapping.mean_style), truncation)
