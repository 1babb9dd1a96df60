"""A ControlNet that tells a UNet where each class is, instead of a bias in its attention (G4Seg, Appendix G).

Stable Diffusion 1.x and 2.x, SDXL and LCM, each with a ControlNet trained for it on segmentation maps. Shape letters: N
samples, ``(h, w)`` the grid of the latents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from torch import Tensor

from mmseg_gen.errors import UserError
from mmseg_gen.functional.control_image import ControlSettings, control_images

from .parts import Parts
from .reading import read_model
from .sources import network_forbidden, resolve_source

# What a ControlNet has to have in common with the UNet whose levels it adds to.
_SHARED = ('in_channels', 'block_out_channels', 'layers_per_block', 'cross_attention_dim', 'addition_embed_type')


@dataclass(frozen=True, eq=False)
class Control:
    """A ControlNet, frozen and in eval mode, and how masks are shown to it."""

    net: ControlNetModel
    settings: ControlSettings

    @property
    def pixels_per_latent(self) -> int:
        """How many pixels of the control image stand for one latent along each side."""
        return 2 ** (len(self.net.config.conditioning_embedding_out_channels) - 1)

    def images(self, masks: Tensor, names: Sequence[str], size: tuple[int, int]) -> Tensor:
        """Return the control images, RGB in [0, 1] ``(N, 3, H, W)``.

        Args:
            masks: Foreground in [0, 1], ``(N, H', W')`` at any size.
            names: Class of each mask.
            size: h and w.
        """
        own, pixels = self.settings, (size[0] * self.pixels_per_latent, size[1] * self.pixels_per_latent)
        colors = [own.colors.get(name, own.color) for name in names]
        return control_images(masks, colors, own.background, pixels, own.soft)


def load_control(parts: Parts, settings: ControlSettings, local_files_only: bool | None = None) -> Control:
    """Return a ControlNet for a model, on its device and in its precision.

    Args:
        parts: The model that it was trained for.
        settings: What to load.
        local_files_only: See :func:`~mmseg_gen.generators.parts.load_parts`.

    Raises:
        UserError: It is not there, is stored as pickles only, is damaged, or belongs to another family.
    """
    source = resolve_source(settings.model, settings.revision, network_forbidden(local_files_only), pipeline=False)
    net = read_model(source, ControlNetModel, None)
    check_control(parts.unet, net, settings.model)
    return Control(net.to(parts.device, parts.dtype).eval().requires_grad_(False), settings)


def check_control(unet: UNet2DConditionModel, net: ControlNetModel, name: str) -> None:
    """Refuse a ControlNet of another family than the UNet's.

    Raises:
        UserError: The text names the first setting in which they differ.
    """
    for key in _SHARED:
        own, other = (_plain(getattr(model.config, key, None)) for model in (unet, net))
        if own != other:
            raise UserError(
                f'Expected a ControlNet for this UNet, whose {key} is {own}, but that of {name} is {other}; take one '
                'that was trained for the same family.'
            )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value


class ControlInjection:
    """A context in which every call of the UNet gets what the ControlNet makes of the masks.

    Args:
        unet: The network.
        control: The ControlNet.
        masks: Foreground in [0, 1], ``(N, H, W)`` at any size; a gradient with respect to it exists where the settings
            say ``soft``.
        names: Class of each mask.
    """

    def __init__(self, unet: UNet2DConditionModel, control: Control, masks: Tensor, names: Sequence[str]):
        if len(names) != len(masks):
            raise ValueError(f'Expected one of `names` for each of {len(masks)} masks, but got {len(names)}.')
        self.unet, self.control, self.masks, self.names = unet, control, masks, list(names)
        self._handle: Any = None

    def __enter__(self) -> ControlInjection:
        self._handle = self.unet.register_forward_pre_hook(self._add, with_kwargs=True)
        return self

    def __exit__(self, *exception: object) -> None:
        self._handle.remove()

    def _add(self, _: torch.nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        """Return the UNet's arguments with the ControlNet's residuals."""
        latents, timestep = args[:2]
        if len(latents) != len(self.masks):
            raise ValueError(
                f'Expected a batch of {len(self.masks)} samples, one for each mask, but got {len(latents)}.'
            )
        images = self.control.images(self.masks, self.names, (latents.shape[2], latents.shape[3]))
        # A distilled UNet's guidance (timestep_cond) is not for the ControlNet, as in diffusers' pipelines.
        own = {key: kwargs[key] for key in ('encoder_hidden_states', 'added_cond_kwargs') if key in kwargs}
        down, middle = self.control.net(
            latents,
            timestep,
            controlnet_cond=images.to(latents.dtype),
            conditioning_scale=self.control.settings.scale,
            return_dict=False,
            **own,
        )
        return args, {**kwargs, 'down_block_additional_residuals': down, 'mid_block_additional_residual': middle}
