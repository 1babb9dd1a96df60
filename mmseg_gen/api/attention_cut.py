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
    from mmseg_gen.generators.capture import AttentionRecorder
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
        settings: Settings of the cut; None for those chosen for the embedded models, or ``CutSettings()``.
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

    def __call__(self, image: np.ndarray) -> Segmentation:
        """Return the segmentation of an ``(H, W, 3)`` uint8 RGB image."""
        from mmseg_gen.functional.attention_cut import attention_cut

        size, seen = check_photo(image).shape[:2], self.seen(image)
        evidence = self.collect(seen)
        cut = attention_cut(evidence, seen, self.settings)
        objectness = np.clip(resize_map(cut.objectness, size), 0, 1)
        return Segmentation(resize_mask(cut.mask, size), objectness, self.class_name, evidence)

    def seen(self, image: np.ndarray) -> np.ndarray:
        """Return an ``(H, W, 3)`` uint8 RGB image at the size the model sees, ``(h, w, 3)``."""
        return resize_map(image, model_size(image.shape[:2], self.parts.longer_side, self.parts.multiple))

    def record(self, image: np.ndarray) -> AttentionRecorder:
        """Return the attention met while inverting an ``(h, w, 3)`` uint8 RGB image of the model's size."""
        from mmseg_gen.generators.capture import AttentionRecorder
        from mmseg_gen.generators.inversion import invert_latents
        from mmseg_gen.generators.latents import encode_images, image_tensor

        parts = self.parts
        latents = encode_images(parts, image_tensor([image]))
        recorder = AttentionRecorder(parts.unet, latents.shape[-2:])
        invert_latents(parts, latents, self.context, steps=self.steps, recorder=recorder)
        return recorder

    def collect(self, image: np.ndarray) -> Evidence:
        """Return the evidence of an ``(h, w, 3)`` uint8 RGB image of the model's size."""
        from mmseg_gen.generators.evidence import collect_evidence

        settings = self.settings
        return collect_evidence(
            self.record(image),
            [self.positions],
            top_k=settings.top_k,
            tau=settings.tau,
            num_seeds=settings.num_seeds,
            seeds=[self.seed],
        )[0]
