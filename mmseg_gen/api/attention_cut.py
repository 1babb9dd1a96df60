"""AttentionCut on one photograph.

Shape letters: H, W the image's own size; h, w the size the model sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmseg_gen.api.segmentation import Segmentation
from mmseg_gen.datasets.image_reading import check_photo, model_size
from mmseg_gen.functional.canvas import resize_map, resize_mask

if TYPE_CHECKING:
    from mmseg_gen.functional.attention_cut import CutSettings
    from mmseg_gen.functional.evidence import Evidence
    from mmseg_gen.generators.parts import Parts

# The prompt of the paper's experiments on photographs; "{class}" stands for the class name.
DEFAULT_PROMPT = 'a photo of a {class}'
# T of DiffusionSeg.
DEFAULT_STEPS = 40


class AttentionCutSegmenter:
    """AttentionCut on a photograph (DiffusionSeg): invert it under a prompt, take the attention, cut.

    The model sees a resized copy (`model_size`): its native side for the longer side, the aspect kept up to
    4:1. The cut is made on that copy, since the settings are tuned at the model's scale; the mask then grows
    to the image's own size.

    Args:
        parts: The generator.
        class_name: One or several words.
        prompt: Text that holds the class name, or ``{class}`` in its place.
        steps: DDIM steps of the inversion.
        settings: Settings of the cut, its defaults if None.
        seed: Of the boundary seeds.

    Raises:
        ValueError: The prompt does not hold the class name, or ``steps`` or ``seed`` is out of range.
    """

    def __init__(
        self,
        parts: Parts,
        class_name: str,
        *,
        prompt: str = DEFAULT_PROMPT,
        steps: int = DEFAULT_STEPS,
        settings: CutSettings | None = None,
        seed: int = 0,
    ):
        from mmseg_gen.functional.cut_settings import EMBEDDED_CUT, CutSettings
        from mmseg_gen.generators.denoising import ddim_steps
        from mmseg_gen.generators.prompts import class_token_positions, warn_of_spelling
        from mmseg_gen.generators.sources import EMBEDDED
        from mmseg_gen.generators.text import encode_prompts

        # Refused and told here, once, and not for each image of a batch.
        if seed < 0:
            raise ValueError(f'Expected `seed` to be 0 or more, but got {seed}.')
        warn_of_spelling(parts.tokenizer, class_name, parts.name)
        ddim_steps(parts.scheduler, steps)
        self.parts, self.class_name, self.steps, self.seed = parts, class_name, steps, seed
        default = EMBEDDED_CUT if parts.name == EMBEDDED else CutSettings()
        self.settings = default if settings is None else settings
        prompt = prompt.replace('{class}', class_name)
        self.positions = class_token_positions(parts.tokenizer, prompt, class_name)
        self.context = encode_prompts(parts, [prompt])
        # Every level of the UNet halves the latents.
        self.multiple = parts.latent_scale * 2 ** (len(parts.unet.config.block_out_channels) - 1)

    def __call__(self, image: np.ndarray) -> Segmentation:
        """Return the segmentation of an ``(H, W, 3)`` uint8 RGB image."""
        from mmseg_gen.functional.attention_cut import attention_cut

        size = check_photo(image).shape[:2]
        side = max(self.multiple, self.parts.default_size // self.multiple * self.multiple)
        seen = resize_map(image, model_size(size, side, self.multiple))
        evidence = self.collect(seen)
        cut = attention_cut(evidence, seen, self.settings)
        objectness = np.clip(resize_map(cut.objectness, size), 0, 1)
        return Segmentation(resize_mask(cut.mask, size), objectness, self.class_name, evidence)

    def collect(self, image: np.ndarray) -> Evidence:
        """Return the attention met while inverting an ``(h, w, 3)`` uint8 RGB image of the model's size."""
        import torch

        from mmseg_gen.generators.capture import AttentionRecorder
        from mmseg_gen.generators.evidence import collect_evidence
        from mmseg_gen.generators.inversion import invert_latents
        from mmseg_gen.generators.latents import encode_images

        parts, settings = self.parts, self.settings
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None].to(parts.device, parts.dtype) / 127.5 - 1
        with torch.no_grad():
            latents = encode_images(parts, pixels)
            recorder = AttentionRecorder(parts.unet, latents.shape[-2:])
            invert_latents(parts, latents, self.context, steps=self.steps, recorder=recorder)
            return collect_evidence(
                recorder,
                [self.positions],
                top_k=settings.top_k,
                tau=settings.tau,
                num_seeds=settings.num_seeds,
                seeds=[self.seed],
            )[0]
