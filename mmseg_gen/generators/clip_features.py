"""What CLIP's vision tower sees in images: features for the inversion of a GAN."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor

from .clip_prior import clip_pixels

if TYPE_CHECKING:
    from .parts import ClipParts


def clip_features(clip: ClipParts) -> Callable[[Tensor], list[Tensor]]:
    """Return a function from images ``(N, 3, H, W)`` in [-1, 1] to the patches' features after each layer.

    They are maps ``(N, D, P, 1)`` over the P patches, and can be propagated through.

    Args:
        clip: Model and tokenizer; only the vision tower is used.
    """
    tower, side = clip.model.vision_model, clip.model.config.vision_config.image_size

    def features(images: Tensor) -> list[Tensor]:
        pixels = clip_pixels(images, side).to(tower.embeddings.patch_embedding.weight)
        layers = tower(pixel_values=pixels, output_hidden_states=True).hidden_states[1:]
        # The first token is no patch.
        return [layer[:, 1:].transpose(1, 2)[..., None].float() for layer in layers]

    return features
