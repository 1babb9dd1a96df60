"""Images and attention evidence from a text-to-image model, batch by batch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmseg_gen.engine.pairs import GeneratedPair
from mmseg_gen.engine.planning import Sample
from mmseg_gen.engine.seeding import sample_rng
from mmseg_gen.engine.settings import EvidenceSettings, SynthesisSettings
from mmseg_gen.errors import UserError
from mmseg_gen.functional.evidence import Evidence
from mmseg_gen.functional.scene_evidence import SceneEvidence
from mmseg_gen.generators.capture import AttentionRecorder
from mmseg_gen.generators.clip_prior import ClipPrior
from mmseg_gen.generators.evidence import collect_evidence
from mmseg_gen.generators.latents import decode_latents
from mmseg_gen.generators.parts import Parts, load_parts
from mmseg_gen.generators.prompts import warn_of_spelling
from mmseg_gen.generators.sampling import sample_latents
from mmseg_gen.generators.scene_evidence import collect_scene_evidence, scene_token_positions
from mmseg_gen.generators.text import encode_prompts

_DTYPES = {'float32': torch.float32, 'float16': torch.float16, 'bfloat16': torch.bfloat16}


class DiffusionPairGenerator:
    """Samples a diffusion model while its attention is recorded.

    Args:
        parts: The model.
        size: Height and width of the images in pixels; None takes the model's own.
        steps: Denoising steps.
        guidance: Classifier-free guidance scale.
        evidence: How evidence is drawn from the attention; None for the defaults.
        prior: Recognises the classes of the run; None leaves ``clip_probability`` and ``clip_agrees`` out.

    Raises:
        UserError: ``size`` is no multiple of the latents' scale.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        size: tuple[int, int] | None = None,
        steps: int = 40,
        guidance: float = 7.5,
        evidence: EvidenceSettings | None = None,
        prior: ClipPrior | None = None,
    ) -> None:
        height, width = size or (parts.default_size, parts.default_size)
        scale = parts.latent_scale
        if height % scale or width % scale:
            raise UserError(f'Expected height and width to be multiples of {scale} pixels, but got {height} x {width}.')
        self.parts, self.prior = parts, prior
        self.grid = (height // scale, width // scale)
        self.steps, self.guidance, self.evidence = steps, guidance, evidence or EvidenceSettings()
        self._empty = encode_prompts(parts, [''])

    @classmethod
    def from_settings(
        cls, settings: SynthesisSettings, classes: Sequence[str], local_rank: int = 0
    ) -> DiffusionPairGenerator:
        """Load what the settings name.

        Args:
            settings: Settings of the run.
            classes: Classes that CLIP shall tell apart, where the filter asks for it.
            local_rank: Number of this process on its machine; chooses the GPU where the settings name no
                device.
        """
        if settings.dtype not in _DTYPES:
            raise UserError(f'Expected `synthesis.dtype` from {", ".join(_DTYPES)}, but got {settings.dtype!r}.')
        device = settings.device or default_device(local_rank)
        parts = load_parts(settings.generator, revision=settings.revision, device=device, dtype=_DTYPES[settings.dtype])
        for name in classes:
            warn_of_spelling(parts.tokenizer, name, parts.name)
        prior = None
        if settings.filter.asks_clip:
            if parts.clip is None:
                raise UserError(
                    'Expected a generator with CLIP for `synthesis.filter.clip_threshold` and `clip_agreement`, but '
                    f'{settings.generator} brings none; set both to None.'
                )
            prior = ClipPrior(parts.clip, list(classes))
        size = None
        if settings.height is not None or settings.width is not None:
            size = (settings.height or parts.default_size, settings.width or parts.default_size)
        return cls(
            parts,
            size=size,
            steps=settings.steps,
            guidance=settings.guidance,
            evidence=settings.evidence,
            prior=prior,
        )

    def describe(self) -> str:
        """Return a SHA-256 over the first and last parameter of each network."""
        return parts_digest(self.parts)

    def generate(self, samples: Sequence[Sample]) -> list[GeneratedPair]:
        """Return one pair for each sample.

        Raises:
            ValueError: Attention or image of a sample are not finite.
            UserError: A prompt does not hold its class, or the batch does not fit into memory.
        """
        prompts = [sample.prompt for sample in samples]
        positions = [
            scene_token_positions(self.parts.tokenizer, s.prompt, s.class_names or (s.class_name,)) for s in samples
        ]
        recorder = AttentionRecorder(
            self.parts.unet, self.grid, max_self_side=self.evidence.max_self_side, every=self.evidence.every
        )
        try:
            latents = sample_latents(
                self.parts,
                encode_prompts(self.parts, prompts),
                self._empty,
                self._noise(samples),
                steps=self.steps,
                guidance=self.guidance,
                recorder=recorder,
            )
            images = decode_latents(self.parts, latents)
        except torch.OutOfMemoryError as error:
            raise UserError(
                'Expected the batch to fit into memory, but it did not; lower synthesis.batch_size, now '
                f'{len(samples)}.'
            ) from error
        evidences = self._evidence(recorder, positions, samples)
        clip = self._ask_clip(images, samples)
        return [
            GeneratedPair(image, evidence, *seen)
            for image, evidence, seen in zip(_to_uint8(images), evidences, clip, strict=True)
        ]

    def _evidence(
        self, recorder: AttentionRecorder, positions: list[list[list[int]]], samples: Sequence[Sample]
    ) -> list[Evidence] | list[SceneEvidence]:
        settings = dict(
            top_k=self.evidence.top_k,
            tau=self.evidence.tau,
            num_seeds=self.evidence.num_seeds,
            seeds=[sample.seed for sample in samples],
        )
        if any(sample.class_ids for sample in samples):
            return collect_scene_evidence(recorder, positions, [s.class_ids for s in samples], **settings)
        return collect_evidence(recorder, [first for (first,) in positions], **settings)

    def _noise(self, samples: Sequence[Sample]) -> Tensor:
        """Draw each sample's noise ``(C, h, w)`` on the CPU, from all 63 bits of its own seed."""
        shape = (self.parts.unet.config.in_channels, *self.grid)
        drawn = [sample_rng(s.seed, 'noise').standard_normal(shape, dtype=np.float32) for s in samples]
        return torch.from_numpy(np.stack(drawn)).to(self.parts.device)

    def _ask_clip(self, images: Tensor, samples: Sequence[Sample]) -> list[tuple[float | None, bool | None]]:
        """Return the least probability of each sample's classes, and whether they are CLIP's first ones."""
        if self.prior is None:
            return [(None, None)] * len(samples)
        answers = []
        for row, sample in zip(self.prior.probabilities(images), samples, strict=True):
            wanted = [self.prior.names.index(name) for name in sample.class_names or (sample.class_name,)]
            first = row.topk(len(wanted)).indices.tolist()
            answers.append((float(row[wanted].min()), set(first) == set(wanted)))
        return answers


def _to_uint8(images: Tensor) -> list[np.ndarray]:
    """Return RGB images ``(H, W, 3)`` uint8 of a batch ``(N, 3, H, W)`` in [-1, 1]."""
    if not torch.isfinite(images).all():
        raise ValueError('Expected a finite image, but got NaN or infinite values.')
    scaled = ((images.float() + 1) * 127.5).round().clamp(0, 255)
    return list(scaled.permute(0, 2, 3, 1).to(torch.uint8).cpu().numpy())


def parts_digest(parts: Parts) -> str:
    """Return a SHA-256 over the first and last parameter of each network."""
    digest = hashlib.sha256()
    second = [] if parts.text_encoder_2 is None else [parts.text_encoder_2]
    for network in (parts.text_encoder, parts.unet, parts.vae, *second):
        parameters = list(network.parameters())
        for parameter in (parameters[0], parameters[-1]):
            digest.update(parameter.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()


def default_device(local_rank: int) -> str:
    """Return the GPU of a process by its number on its machine, or 'cpu' where there is none."""
    return f'cuda:{local_rank % torch.cuda.device_count()}' if torch.cuda.is_available() else 'cpu'
