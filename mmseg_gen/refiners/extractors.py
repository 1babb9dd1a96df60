"""Feature extractors that G4Seg finds correspondences with; registered, so that a config can name others.

An extractor is called with the generator's parts and images, RGB in [-1, 1] ``(N, 3, H, W)``, and returns maps
``(N, C, h, w)`` on any grid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mmseg_gen.errors import UserError
from mmseg_gen.functional.feature_grid import color_maps, position_maps, stack_features
from mmseg_gen.registry import FEATURE_EXTRACTORS

if TYPE_CHECKING:
    from torch import Tensor

    from mmseg_gen.generators.parts import Parts

Extractor = Callable[['Parts', 'Tensor'], 'Tensor']


@FEATURE_EXTRACTORS.register_module()
class ClipValues:
    """CLIP's dense values (MaskCLIP); the paper's extractor is "a CLIP image encoder".

    Args:
        scale: Enlarges the images: 2 gives a grid twice as fine.
    """

    def __init__(self, scale: float = 1.0):
        if not scale > 0:
            raise ValueError(f'Expected `scale` to be positive, but got {scale}.')
        self.scale = scale

    def __call__(self, parts: Parts, images: Tensor) -> Tensor:
        """Return the values' embeddings."""
        from mmseg_gen.generators.dense_features import clip_values

        if parts.clip is None:
            raise UserError(
                f'Expected a CLIP beside {parts.name}, but it brings none; set `clip` of the refiner to a folder or a '
                "hub id, such as 'openai/clip-vit-base-patch16', or choose other `features`."
            )
        return clip_values(parts.clip, images, self.scale)


@FEATURE_EXTRACTORS.register_module()
class DiffusionMaps:
    """Maps of the generator's UNet at one noise level: one more pass of the UNet.

    Args:
        timestep: Noise level.
        blocks: Transformer blocks: 'encoder', 'all' or indices.
        seed: Of the noise.
    """

    def __init__(self, timestep: int = 100, blocks: str | Sequence[int] = 'all', seed: int = 0):
        self.timestep, self.blocks, self.seed = timestep, blocks, seed

    def __call__(self, parts: Parts, images: Tensor) -> Tensor:
        """Return the blocks' maps, each of unit length, side by side on the finest grid."""
        from mmseg_gen.generators.dense_features import unet_maps

        maps = unet_maps(parts, images, timestep=self.timestep, seed=self.seed, blocks=self.blocks)
        finest = max((tuple(m.shape[-2:]) for m in maps), key=lambda size: size[0] * size[1])
        return stack_features(maps, (finest[0], finest[1]))


@FEATURE_EXTRACTORS.register_module()
class PatchModel:
    """Patches of a vision transformer such as DINO or DINOv2, from this machine.

    Args:
        name: Folder, or hub id in the local cache.
        scale: Enlarges the images.
    """

    def __init__(self, name: str, scale: float = 1.0):
        self.name, self.scale = name, scale
        self._model: Any = None

    def __call__(self, parts: Parts, images: Tensor) -> Tensor:
        """Return the patches' last hidden state."""
        from mmseg_gen.generators.dense_features import load_patch_model, patch_features

        if self._model is None:
            self._model = load_patch_model(self.name, parts.device)
        return patch_features(self._model, images, self.scale)


@FEATURE_EXTRACTORS.register_module()
class LatentMaps:
    """The autoencoder's latents."""

    def __call__(self, parts: Parts, images: Tensor) -> Tensor:
        """Return the latents."""
        from mmseg_gen.generators.latents import encode_images

        return encode_images(parts, images)


@FEATURE_EXTRACTORS.register_module()
class Colors:
    """The pixels' own colours."""

    def __call__(self, parts: Parts, images: Tensor) -> Tensor:
        """Return colours."""
        return color_maps(images)


@FEATURE_EXTRACTORS.register_module()
class Positions:
    """Where a pixel is: beside other features, it makes near matches likelier."""

    def __call__(self, parts: Parts, images: Tensor) -> Tensor:
        """Return places."""
        return position_maps((images.shape[2], images.shape[3]), len(images)).to(images.device)


@FEATURE_EXTRACTORS.register_module()
class Stacked:
    """Several extractors side by side, each of unit length.

    Args:
        extractors: Their configs.
        weights: One for each; None for ones.
        side: Longer side of the common grid.
    """

    def __init__(self, extractors: Sequence[dict], weights: Sequence[float] | None = None, side: int = 64):
        self.extractors = [FEATURE_EXTRACTORS.build(config) for config in extractors]
        self.weights, self.side = weights, side

    def __call__(self, parts: Parts, images: Tensor) -> Tensor:
        """Return the stacked features."""
        from mmseg_gen.functional.canvas import limited_size

        size = limited_size((images.shape[2], images.shape[3]), self.side)
        return stack_features([extract(parts, images) for extract in self.extractors], size, self.weights)
