"""Images of a text-to-image model, their variations under other prompts as evidence: style mixing without a GAN."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mmseg_gen.engine.pair_generator import default_device, parts_digest
from mmseg_gen.engine.pairs import GeneratedPair
from mmseg_gen.engine.planning import Sample
from mmseg_gen.engine.seeding import sample_rng
from mmseg_gen.engine.setting_values import refuse_unknown
from mmseg_gen.engine.settings import SynthesisSettings
from mmseg_gen.errors import UserError
from mmseg_gen.functional.style_stack import StyleStack
from mmseg_gen.generators.diffusion_styles import diffusion_stack
from mmseg_gen.generators.latents import decode_latents
from mmseg_gen.generators.parts import Parts, load_parts
from mmseg_gen.generators.sampling import sample_latents
from mmseg_gen.generators.style_mixing import to_pixels
from mmseg_gen.generators.text import encode_prompts
from mmseg_gen.registry import GENERATORS

_DTYPES = {'float32': torch.float32, 'float16': torch.float16, 'bfloat16': torch.bfloat16}


@dataclass(frozen=True)
class DiffusionStylesSettings:
    """Settings of the variations; see :func:`~mmseg_gen.generators.diffusion_styles.diffusion_variations`.

    Attributes:
        generator: Name or folder of the text-to-image model.
        count: Variations of each image.
        strength: Share of the way to noise that an image goes up.
        structure: Share of the way down on which self-attention is the image's own.
        guidance: Of the variations.
        batch: Variations at a time.
        store_evidence: Whether the variations are kept on disk.
    """

    generator: str = 'embedded'
    count: int = 16
    strength: float = 0.8
    structure: float = 0.5
    guidance: float = 3.0
    batch: int = 8
    store_evidence: bool = False

    @classmethod
    def from_dict(cls, config: Mapping[str, Any]) -> DiffusionStylesSettings:
        """Return the settings of a config's dict; its ``type`` is passed over.

        Raises:
            UserError: A key is unknown, or there is no variation.
        """
        values = {key: value for key, value in config.items() if key != 'type'}
        refuse_unknown('synthesis.generator', values, cls)
        if values.get('count', 1) < 1 or values.get('batch', 1) < 1:
            raise UserError('Expected `synthesis.generator.count` and `batch` of 1 or more, but got less.')
        return cls(**values)


@GENERATORS.register_module()
class DiffusionStyles:
    """Samples a diffusion model and varies each image under other prompts; labelled by ``StyleMixingLabel``.

    Args:
        parts: The model.
        settings: See :class:`DiffusionStylesSettings`.
        prompt_of: Gives a prompt of a class for a seed; the variations are made under such.
        steps: Denoising steps.
        guidance: Of the image itself.
    """

    def __init__(
        self,
        parts: Parts,
        settings: DiffusionStylesSettings,
        prompt_of: Callable[[str, int], str],
        *,
        steps: int = 20,
        guidance: float = 3.0,
    ) -> None:
        self.parts, self.settings, self.prompt_of = parts, settings, prompt_of
        self.steps, self.guidance = steps, guidance
        self._empty = encode_prompts(parts, [''])

    @classmethod
    def from_settings(cls, settings: SynthesisSettings, classes: Sequence[str], local_rank: int = 0) -> DiffusionStyles:
        """Load what ``synthesis.generator`` names; arguments as of ``DiffusionPairGenerator.from_settings``."""
        from mmseg_gen.engine.prompting import prompt_grammar

        styles = DiffusionStylesSettings.from_dict(settings.generator)
        if settings.dtype not in _DTYPES:
            raise UserError(f'Expected `synthesis.dtype` from {", ".join(_DTYPES)}, but got {settings.dtype!r}.')
        if settings.objects is not None:
            raise UserError('Expected no `synthesis.objects` with DiffusionStyles, but got some; leave it out.')
        device = settings.device or default_device(local_rank)
        parts = load_parts(styles.generator, device=device, dtype=_DTYPES[settings.dtype])
        return cls(parts, styles, prompt_grammar(settings).draw, steps=settings.steps, guidance=settings.guidance)

    def describe(self) -> str:
        """Return a SHA-256 over the first and last parameter of each network."""
        return parts_digest(self.parts)

    def generate(self, samples: Sequence[Sample]) -> list[GeneratedPair]:
        """Return one pair for each sample.

        Raises:
            ValueError: Latents are not finite.
        """
        side = self.parts.default_size // self.parts.latent_scale
        shape = (self.parts.unet.config.in_channels, side, side)
        drawn = [sample_rng(s.seed, 'noise').standard_normal(shape, dtype=np.float32) for s in samples]
        latents = sample_latents(
            self.parts,
            encode_prompts(self.parts, [sample.prompt for sample in samples]),
            self._empty,
            torch.from_numpy(np.stack(drawn)).to(self.parts.device),
            steps=self.steps,
            guidance=self.guidance,
        )
        images = to_pixels(decode_latents(self.parts, latents))
        return [self._pair(sample, image) for sample, image in zip(samples, images, strict=True)]

    def _pair(self, sample: Sample, image: np.ndarray) -> GeneratedPair:
        settings = self.settings
        seeds = sample_rng(sample.seed, 'styles').integers(2**62, size=settings.count).tolist()
        prompts = [self.prompt_of(sample.class_name, seed) for seed in seeds]
        stack = diffusion_stack(
            self.parts,
            image,
            sample.prompt,
            prompts,
            steps=self.steps,
            strength=settings.strength,
            structure=settings.structure,
            guidance=settings.guidance,
            batch=settings.batch,
        )
        return GeneratedPair(image, StyleStack(stack.images), store_evidence=settings.store_evidence)
