"""AttentionCut as a segmentor: DiffusionSeg's training-free row of Tab. 1.

Shape letters: B batch, H and W the sides of the images as the model sees them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
import torch
from mmseg.models.segmentors.base import BaseSegmentor
from torch import Tensor
from torch.nn.functional import interpolate

from mmseg_gen.errors import UserError
from mmseg_gen.functional.attention_cut import attention_cut
from mmseg_gen.functional.cut_settings import EMBEDDED_CUT, CutSettings
from mmseg_gen.functional.objectness import foreground_logits
from mmseg_gen.models.backbones.diffusion_backbone import to_generator_range
from mmseg_gen.models.backbones.shared_generator import DTYPES, class_names, class_prompt, prior_settings, shared_parts
from mmseg_gen.registry import MODELS


@MODELS.register_module()
class AttentionCutSegmentor(BaseSegmentor):
    """Segment the object that CLIP names: invert the image under its prompt, take the attention, cut.

    It has no parameters and is not trained: ``tools/test.py CONFIG`` needs no checkpoint.

    Args:
        generator: As in :class:`~mmseg_gen.models.backbones.DiffusionBackbone`.
        revision: Likewise.
        clip: Likewise.
        dtype: Likewise.
        steps: DDIM steps of the inversion.
        prior: Settings of the CLIP prior, with ``classes``; a single class is taken as it is.
        cut: Fields of :class:`~mmseg_gen.functional.cut_settings.CutSettings`; None for their defaults, which for the
            embedded generator are ``EMBEDDED_CUT``.
        seed: Of the boundary seeds.
        mean: What the data preprocessor subtracted from RGB values in [0, 255].
        std: What it divided them by.
        data_preprocessor: Config of the data preprocessor.
        init_cfg: As in ``BaseSegmentor``; there is nothing to initialise.

    Raises:
        ValueError: A setting is out of range, or there is no prior.
    """

    def __init__(
        self,
        generator: str = 'embedded',
        *,
        prior: dict,
        revision: str | None = None,
        clip: str | None = None,
        dtype: str = 'float32',
        steps: int = 40,
        cut: dict | None = None,
        seed: int = 0,
        mean: Sequence[float] = (127.5, 127.5, 127.5),
        std: Sequence[float] = (127.5, 127.5, 127.5),
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        if dtype not in DTYPES:
            raise ValueError(f'Expected `dtype` to be one of {tuple(DTYPES)}, but got {dtype!r}.')
        if steps < 1:
            raise ValueError(f'Expected `steps` to be at least 1, but got {steps}.')
        self.source, self.dtype, self.steps, self.seed = (generator, revision, clip), dtype, steps, seed
        self.prior = prior_settings(prior)
        if self.prior is None:
            raise ValueError('Expected `prior` with the classes that CLIP chooses from, but got None.')
        default = EMBEDDED_CUT if generator == 'embedded' else CutSettings()
        self.settings = default if cut is None else CutSettings(**cut)
        self.mean, self.std = tuple(mean), tuple(std)
        # What MMSeg's post-processing asks a segmentor for.
        self.align_corners, self.out_channels = False, 2

    @torch.no_grad()
    def encode_decode(self, inputs: Tensor, batch_data_samples: Any = None) -> Tensor:
        """Return the logits of background and foreground, (B, 2, H, W).

        Args:
            inputs: Normalised RGB images (B, 3, H, W).
            batch_data_samples: Not used.
        """
        from mmseg_gen.generators.capture import AttentionRecorder
        from mmseg_gen.generators.evidence import collect_evidence
        from mmseg_gen.generators.inversion import invert_latents
        from mmseg_gen.generators.latents import encode_images
        from mmseg_gen.generators.prompts import class_token_positions
        from mmseg_gen.generators.text import encode_prompts

        source = (*self.source, str(inputs.device), self.dtype)
        parts, cut = shared_parts(*source), self.settings
        pixels = to_generator_range(inputs.float(), self.mean, self.std, parts.multiple)
        names = class_names(pixels, self.prior, source)
        prompts = [class_prompt(self.prior, name) for name in names]
        positions = [class_token_positions(parts.tokenizer, *pair) for pair in zip(prompts, names, strict=True)]
        latents = encode_images(parts, pixels.to(parts.dtype))
        recorder = AttentionRecorder(parts.unet, tuple(latents.shape[-2:]))
        invert_latents(parts, latents, encode_prompts(parts, prompts), steps=self.steps, recorder=recorder)
        evidence = collect_evidence(
            recorder, positions, top_k=cut.top_k, tau=cut.tau, num_seeds=cut.num_seeds, seeds=[self.seed] * len(inputs)
        )
        images = ((pixels + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
        found = [attention_cut(one, image, cut) for one, image in zip(evidence, images, strict=True)]
        logits = torch.from_numpy(np.stack([foreground_logits(one.mask, one.objectness) for one in found]))
        return interpolate(logits.to(inputs.device), inputs.shape[-2:], mode='bilinear', align_corners=False)

    def predict(self, inputs: Tensor, data_samples: Any = None) -> list:
        """Return the data samples with ``pred_sem_seg`` and ``seg_logits`` at the images' own size."""
        return self.postprocess_result(self.encode_decode(inputs), data_samples)

    def extract_feat(self, inputs: Tensor) -> Tensor:
        """Return the images: the attention is taken while decoding."""
        return inputs

    def _forward(self, inputs: Tensor, data_samples: Any = None) -> Tensor:
        return self.encode_decode(inputs)

    def loss(self, inputs: Tensor, data_samples: Any = None) -> NoReturn:
        """Refuse to be trained.

        Raises:
            UserError: Always.
        """
        raise UserError('Expected a model with parameters to train, but got AttentionCut, which has none; test it.')
