"""A text-to-image model that learns from photos what its object is and what is not (fobadiffusion, Sec. 3, App. B).

Shape letters: N samples, H and W the sides of the images, h and w those of the latents.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from mmengine.model import BaseModel
from torch import Tensor

from mmseg_gen.errors import UserError
from mmseg_gen.functional.denoising_target import denoising_target, draw_noising
from mmseg_gen.functional.masked_loss import NORMALIZATIONS, masked_squared_error
from mmseg_gen.functional.noise import add_noise
from mmseg_gen.models.backbones.feature_cache import FeatureCache
from mmseg_gen.registry import MODELS

if TYPE_CHECKING:
    from mmseg_gen.generators.parts import Parts


@MODELS.register_module()
class ConceptDistiller(BaseModel):
    """Train the UNet of a text-to-image model by a loss that counts inside masks only.

    The UNet alone is a submodule: the autoencoder and the embeddings of the prompts are frozen, on no checkpoint, and
    shared by copies. Noise and time steps come from the samples' own seeds.

    Args:
        generator: As in ``load_parts``, or parts, whose UNet is trained in place.
        prompts: The object's and the background's, in the order of the samples' ``kinds``.
        revision: Revision of a hub id.
        normalization: Of :func:`~mmseg_gen.functional.masked_loss.masked_squared_error`.
        gradient_checkpointing: Compute activations again in the backward pass: less memory, about a third more time.
        lora: Settings of :func:`~mmseg_gen.generators.lora.add_lora`: train adapters of ``rank``, not all weights.
        latent_cache_mb: Keep the latents of photos, in half precision, up to this many MiB; 0 encodes them each time.
            Pays where whole photos return, not for random crops.
        data_preprocessor: As in ``BaseModel``.

    Raises:
        ValueError: An argument is out of range.
        UserError: The generator cannot be loaded, or is a consistency model.
    """

    def __init__(
        self,
        generator: str | Parts = 'embedded',
        prompts: Sequence[str] = ('a photo of a bird', 'a photo of a background'),
        *,
        revision: str | None = None,
        normalization: str = 'area',
        gradient_checkpointing: bool = False,
        lora: Mapping[str, Any] | None = None,
        latent_cache_mb: float = 0,
        data_preprocessor: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        from mmseg_gen.generators.conditioning import as_conditioning
        from mmseg_gen.generators.text import encode_prompts

        if normalization not in NORMALIZATIONS:
            raise ValueError(f'Expected `normalization` from {", ".join(NORMALIZATIONS)}, but got {normalization!r}.')
        if isinstance(prompts, str) or len(prompts) != 2:
            raise ValueError(f"Expected `prompts` to be the object's and the background's, but got {prompts!r}.")
        if latent_cache_mb < 0:
            raise ValueError(f'Expected `latent_cache_mb` to be 0 or more, but got {latent_cache_mb}.')
        parts = _loaded(generator, revision)
        whole = as_conditioning(encode_prompts(parts, list(prompts)))
        self.register_buffer('tokens', whole.tokens, persistent=False)
        self.register_buffer('pooled', whole.pooled, persistent=False)
        self.normalization = normalization
        self.cache = FeatureCache(latent_cache_mb, 'model.latent_cache_mb') if latent_cache_mb else None
        self.unet = parts.unet.requires_grad_(True)
        self._frozen = _Shared(parts)
        self.has_lora = lora is not None
        if lora is not None:
            from mmseg_gen.generators.lora import add_lora

            add_lora(self.unet, **lora)
        if gradient_checkpointing:
            self.unet.enable_gradient_checkpointing()

    @property
    def parts(self) -> Parts:
        """The model as it is now."""
        return replace(self._frozen.value, unet=self.unet)

    def forward(
        self, inputs: Tensor, masks: Tensor, kinds: Tensor, seeds: Tensor, mode: str = 'loss', **_: Any
    ) -> dict[str, Tensor]:
        """Return the loss of a batch of ``ConceptDataset``.

        Args:
            inputs: RGB images in [-1, 1], ``(N, 3, H, W)``.
            masks: Where the loss counts, ``(N, 1, h, w)`` in [0, 1].
            kinds: Which prompt belongs to each sample, ``(N,)`` in {0, 1}.
            seeds: Of the noise, ``(N,)`` in [0, 2^63).
            mode: 'loss'; sample with the exported model.

        Raises:
            ValueError: ``mode`` is another word, or shapes do not fit.
        """
        if mode != 'loss':
            raise ValueError(f"Expected `mode` 'loss', but got {mode!r}; sample with the exported model instead.")
        return {'loss': self.denoising_loss(self.encode(inputs), masks, kinds, seeds)}

    def encode(self, inputs: Tensor) -> Tensor:
        """Return the images' latents ``(N, C, h, w)``, float32, from the cache where it has them."""
        if self.cache is None:
            return self._encode(inputs)
        return self.cache.fetch(inputs, lambda some: [self._encode(some)])[0]

    def _encode(self, inputs: Tensor) -> Tensor:
        from mmseg_gen.generators.latents import encode_images

        parts = self.parts
        parts.vae.to(inputs.device)
        # Half precision overflows in some autoencoders.
        with torch.autocast(inputs.device.type, enabled=False):
            return encode_images(parts, inputs)

    def denoising_loss(self, latents: Tensor, masks: Tensor, kinds: Tensor, seeds: Tensor) -> Tensor:
        """Return the mean over samples of the masked squared error, a scalar; arguments as in `forward`."""
        from mmseg_gen.generators.conditioning import Conditioning, unet_conditions

        parts = self.parts
        times, noise = draw_noising(seeds.tolist(), latents.shape[1:], parts.scheduler.config.num_train_timesteps)
        times, noise = times.to(latents.device), noise.to(latents.device)
        alpha_bar = parts.alphas_cumprod[times].view(-1, 1, 1, 1)
        context = Conditioning(self.tokens, self.pooled)[kinds.tolist()]
        conditions = unet_conditions(parts, latents, context, 1.0)
        output = self.unet(add_noise(latents, noise, alpha_bar), times, **conditions, return_dict=False)[0]
        target = denoising_target(latents, noise, alpha_bar, parts.prediction_type)
        return masked_squared_error(output.float(), target, masks, self.normalization)

    def __deepcopy__(self, memo: dict[int, Any]) -> ConceptDistiller:
        if self.has_lora:
            # An average of the weights (EMA) needs no second copy of those that never change.
            memo.update({id(p): p for p in self.parameters() if not p.requires_grad})
        copied = memo[id(self)] = type(self).__new__(type(self))
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return copied


class _Shared:
    """Hold what copies of the distiller share; hidden from ``state_dict`` and ``parameters``."""

    def __init__(self, value: Parts) -> None:
        self.value = value

    def __deepcopy__(self, memo: dict[int, Any]) -> _Shared:
        return self


def _loaded(generator: str | Parts, revision: str | None) -> Parts:
    from mmseg_gen.generators.conditioning import guidance_width
    from mmseg_gen.generators.parts import Parts, load_parts

    parts = generator if isinstance(generator, Parts) else load_parts(generator, revision=revision)
    if guidance_width(parts) is not None:
        raise UserError(
            f'Expected a diffusion model to fine-tune, but {parts.name} is a consistency model; use the model that it '
            'was distilled from.'
        )
    return parts
