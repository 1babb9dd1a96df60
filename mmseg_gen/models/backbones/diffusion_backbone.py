"""A frozen text-to-image model as a backbone: DiffusionSeg's exploitation stage (arXiv 2303.09813, 3.3.1).

Shape letters: B batch, H and W the sides of the images, C channels of a feature map, h and w its sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn.functional import interpolate

from mmseg_gen.registry import MODELS

from .disk_feature_cache import DiskFeatureCache
from .feature_cache import FeatureCache
from .shared_generator import DTYPES, class_prompts, prior_settings, shared_parts

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel

    from mmseg_gen.generators.parts import Parts

PASSES = ('invert', 'reverse')


@MODELS.register_module()
class DiffusionBackbone(BaseModule):
    """Return the features of a diffusion model's transformer blocks, averaged over DDIM steps.

    The generator is loaded at the first call, once for all backbones of a process that ask for the same one.
    It is no submodule: the backbone has no parameters and an empty ``state_dict``, so checkpoints hold the
    decoder only, and copies are cheap. Nothing in it is ever trained, and it stays in evaluation mode.

    With `blocks='encoder'` the maps, the finest first, are for Stable Diffusion 1.x and 2.x at strides 8, 8,
    16, 16, 32, 32 with 320, 320, 640, 640, 1280, 1280 channels, and for the embedded model at strides 4, 8,
    16 with 64, 112, 192 channels; `out_channels` reads them from the generator. Give them to the head as
    ``in_channels``.

    Args:
        generator: 'embedded', a Hub id, or a folder, as in `mmseg_gen.generators.parts.load_parts`.
        revision: Revision of a Hub id.
        clip: Folder or Hub id of the CLIP that ``prior`` asks; by default the one beside the generator, if
            any.
        dtype: Precision of the generator: 'float32', 'float16' or 'bfloat16'.
        steps: DDIM steps T (the paper: 40).
        passes: 'reverse' inverts the image and takes the features on the way back, as in the paper; 'invert'
            takes them while inverting, at the same states and half the cost.
        blocks: Transformer blocks: 'encoder' (the paper's six maps), 'all', or a list of their numbers.
        fixed_point: Refinements of each inversion step.
        prior: Settings of the CLIP prior, see `prior_settings`: the image is inverted under a prompt that
            names its class, for instance ``dict(classes='imagenet')``. None for the empty prompt (the paper's
            "w/o prior").
        mean: What the data preprocessor subtracted from RGB values in [0, 255].
        std: What it divided them by.
        cache_features: Keep features, keyed by the image's content: True in memory, a path in files of that
            folder, for later runs and other processes too; see `DiskFeatureCache`. It pays where an image
            returns unchanged or with few variants, such as flips; a random crop is a new image each time.
        max_cache_mb: Limit of the cache in MiB; once it is reached, further images are computed each time.
        init_cfg: As in `BaseModule`; there is nothing to initialise.

    Raises:
        ValueError: A setting is out of range.
    """

    def __init__(
        self,
        generator: str = 'embedded',
        *,
        revision: str | None = None,
        clip: str | None = None,
        dtype: str = 'float32',
        steps: int = 40,
        passes: str = 'invert',
        blocks: str | Sequence[int] = 'encoder',
        fixed_point: int = 0,
        prior: dict | None = None,
        mean: Sequence[float] = (127.5, 127.5, 127.5),
        std: Sequence[float] = (127.5, 127.5, 127.5),
        cache_features: bool | str = False,
        max_cache_mb: float = 1024,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if passes not in PASSES:
            raise ValueError(f'Expected `passes` to be one of {PASSES}, but got {passes!r}.')
        if dtype not in DTYPES:
            raise ValueError(f'Expected `dtype` to be one of {tuple(DTYPES)}, but got {dtype!r}.')
        if steps < 1:
            raise ValueError(f'Expected `steps` to be at least 1, but got {steps}.')
        self.generator, self.revision, self.clip, self.dtype = generator, revision, clip, dtype
        self.settings: dict[str, Any] = dict(steps=steps, passes=passes, blocks=blocks, fixed_point=fixed_point)
        self.prior = prior_settings(prior)
        self.mean, self.std = tuple(mean), tuple(std)
        self.cache = FeatureCache(max_cache_mb) if cache_features else None
        # Files are kept by model: that cache is opened at the first call, when the model is there.
        self.cache_folder = None if isinstance(cache_features, bool) else str(cache_features)
        super().train(False)

    def train(self, mode: bool = True) -> DiffusionBackbone:
        """Stay in evaluation mode, whatever is asked."""
        return super().train(False)

    def parts(self, device: torch.device | str = 'cpu') -> Parts:
        """Return the frozen generator on a device, loading it if no backbone has done so."""
        return shared_parts(*self._source(device))

    def _source(self, device: torch.device | str) -> tuple[str | None, ...]:
        return self.generator, self.revision, self.clip, str(torch.device(device)), self.dtype

    @property
    def out_channels(self) -> list[int]:
        """Channels of each feature map; loads the generator."""
        from mmseg_gen.generators.features import block_channels

        unet, blocks = self.parts().unet, self.settings['blocks']
        channels = block_channels(unet, blocks)
        return [channels[i] for i in finest_first(unet, blocks)]

    @torch.no_grad()
    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the feature maps [(B, C, h, w), ...], the finest first, in the precision of the images.

        Args:
            images: Normalised RGB images (B, 3, H, W). Sides that the latent grid does not divide are resized
                to the next multiple, so that a map covers exactly the image.
        """
        parts = self.parts(images.device)
        pixels = to_generator_range(images.float(), self.mean, self.std, parts.latent_scale)
        if self.cache is None:
            maps = self._features(parts, pixels)
        else:
            maps = self._opened_cache(parts).fetch(pixels, lambda some: self._features(parts, some))
        return tuple(x.to(images.dtype) for x in maps)

    def _opened_cache(self, parts: Parts) -> FeatureCache:
        if self.cache_folder is not None and not isinstance(self.cache, DiskFeatureCache):
            max_mb = self.cache.max_bytes / 2**20
            self.cache = DiskFeatureCache(self.cache_folder, self._what_features_depend_on(parts), max_mb)
        return self.cache

    def _what_features_depend_on(self, parts: Parts) -> dict[str, Any]:
        from mmseg_gen.generators.fingerprint import weights_fingerprint

        prior = self.prior
        if prior is not None and isinstance(prior['classes'], str):
            from mmseg_gen.generators.class_lists import class_list

            # The content counts, not the name: a list of one's own may change.
            prior = {**prior, 'classes': [[c.words, c.group] for c in class_list(prior['classes'])]}
        blocks = self.settings['blocks']
        return {
            **self.settings,
            'blocks': blocks if isinstance(blocks, str) else list(blocks),
            'generator': self.generator,
            'revision': self.revision,
            'dtype': self.dtype,
            'prior': prior,
            'weights': weights_fingerprint(parts, with_clip=prior is not None),
        }

    def _features(self, parts: Parts, pixels: Tensor) -> list[Tensor]:
        from mmseg_gen.generators.features import diffusion_features
        from mmseg_gen.generators.text import encode_prompts

        context = encode_prompts(parts, class_prompts(pixels, self.prior, self._source(pixels.device)))
        maps = diffusion_features(parts, pixels, context, **self.settings)
        return [maps[i] for i in finest_first(parts.unet, self.settings['blocks'])]


def finest_first(unet: UNet2DConditionModel, blocks: str | Sequence[int]) -> list[int]:
    """Return the order that puts the maps of a UNet's blocks from fine to coarse, stable within a level."""
    from mmseg_gen.generators.features import block_names

    coarsest = len(unet.config.block_out_channels) - 1
    levels = []
    for name in block_names(unet, blocks):
        part, _, rest = name.partition('.')
        # The middle block works at the coarsest level, and up_blocks.0 begins there.
        number = int(rest.partition('.')[0]) if part != 'mid_block' else 0
        levels.append(number if part == 'down_blocks' else coarsest - number)
    return sorted(range(len(levels)), key=levels.__getitem__)


def to_generator_range(images: Tensor, mean: Sequence[float], std: Sequence[float], multiple: int) -> Tensor:
    """Return images (B, 3, H', W') in [-1, 1] whose sides are multiples of ``multiple``.

    Args:
        images: Normalised RGB images (B, 3, H, W), ``(values in [0, 255] - mean) / std``.
        mean: Three means.
        std: Three deviations.
        multiple: Factor by which the autoencoder shrinks each side.

    Raises:
        ValueError: The images do not have three channels.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f'Expected images of shape (B, 3, H, W), but got {tuple(images.shape)}.')
    scale, shift = (images.new_tensor(list(values)).view(1, 3, 1, 1) for values in (std, mean))
    pixels = (images * scale + shift) / 127.5 - 1
    size = [-(-side // multiple) * multiple for side in images.shape[2:]]
    if size != list(images.shape[2:]):
        pixels = interpolate(pixels, size=size, mode='bilinear', align_corners=False)
    return pixels.clamp(-1, 1)
