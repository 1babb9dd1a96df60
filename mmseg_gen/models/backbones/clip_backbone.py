"""CLIP's frozen image tower as a backbone, to compare a generator's features with (DiffusionSeg, Tab. 4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmseg_gen.registry import MODELS

from .diffusion_backbone import to_generator_range
from .shared_generator import shared_parts


@MODELS.register_module()
class ClipBackbone(BaseModule):
    """Return hidden states of the CLIP beside a generator, one map ``(B, D, H / P, W / P)`` per layer.

    Like :class:`DiffusionBackbone` it keeps the frozen model out of its own state: checkpoints hold the decoder only.

    Args:
        generator: 'embedded', a Hub id, or a folder, as in `mmseg_gen.generators.parts.load_parts`.
        clip: Folder or Hub id of a CLIP; None for the one beside the generator.
        layers: Layers to return, 0 for the embedded patches, negative ones from the end.
        mean: What the data preprocessor subtracted from RGB values in [0, 255].
        std: What it divided them by.
        init_cfg: As in `BaseModule`; there is nothing to initialise.
    """

    def __init__(
        self,
        generator: str = 'embedded',
        *,
        clip: str | None = None,
        layers: Sequence[int] = (1, 2, 3, 4),
        mean: Sequence[float] = (127.5, 127.5, 127.5),
        std: Sequence[float] = (127.5, 127.5, 127.5),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.generator, self.clip, self.layers = generator, clip, tuple(layers)
        self.mean, self.std = tuple(mean), tuple(std)
        super().train(False)

    def train(self, mode: bool = True) -> ClipBackbone:
        """Stay in evaluation mode, whatever is asked."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return one map per layer, in the precision of the images.

        Args:
            images: Normalised RGB images (B, 3, H, W), resized to the next multiple of a patch.

        Raises:
            ValueError: There is no CLIP, or a layer is out of range.
        """
        from mmseg_gen.generators.clip_layers import clip_layer_maps

        parts = shared_parts(self.generator, None, self.clip, str(images.device), 'float32')
        if parts.clip is None:
            raise ValueError(f'Expected a CLIP beside {parts.name}, but there is none; set `backbone.clip`.')
        patch = parts.clip.model.config.vision_config.patch_size
        pixels = to_generator_range(images.float(), self.mean, self.std, patch)
        return tuple(x.to(images.dtype) for x in clip_layer_maps(parts.clip, pixels, self.layers))
