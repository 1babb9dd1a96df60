"""Load the parts of a text-to-image model: Stable Diffusion 1.x and 2.x, SDXL, and what is distilled from them.

Only safetensors are read: pickles can execute code. Nothing is fetched from the network unless asked for, by
``local_files_only=False`` or by ``MMSEG_GEN_DOWNLOAD=1`` in the environment.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, LCMScheduler, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPModel, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from mmseg_gen.errors import UserError

from .quiet import quiet_loading
from .reading import read_model, read_scheduler, read_whole, zeros_for_empty_prompt
from .single_file import Weights, read_file
from .sources import EMBEDDED, Source, network_forbidden, resolve_source
from .structure import check_parts


@dataclass(frozen=True, eq=False)
class ClipParts:
    """A CLIP: images and texts in one space."""

    model: CLIPModel
    tokenizer: CLIPTokenizer


@dataclass(frozen=True, eq=False)
class Parts:
    """A text-to-image model in pieces, frozen and in eval mode.

    Attributes:
        vae: Between images in [-1, 1] and latents.
        unet: Predicts noise, or what ``prediction_type`` says.
        text_encoder: Token ids to prompt embeddings.
        tokenizer: Text to token ids.
        scheduler: Noise schedule; an ``LCMScheduler`` makes it a consistency model.
        clip: For zero-shot recognition; None where the model brings none.
        name: What it was loaded by.
        text_encoder_2: SDXL's second encoder, whose pooled text conditions the UNet too; else None.
        tokenizer_2: For the second encoder; splits texts as the first does.
        force_zeros_for_empty_prompt: Whether SDXL knows the empty prompt as zeros.
    """

    vae: AutoencoderKL
    unet: UNet2DConditionModel
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    scheduler: DDIMScheduler | LCMScheduler
    clip: ClipParts | None
    name: str
    text_encoder_2: CLIPTextModelWithProjection | None = None
    tokenizer_2: CLIPTokenizer | None = None
    force_zeros_for_empty_prompt: bool = False

    @property
    def device(self) -> torch.device:
        """Where the UNet runs."""
        # diffusers' own property visits every module first: 2 ms, several times for each call of the UNet.
        return next(self.unet.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the UNet."""
        return next(self.unet.parameters()).dtype

    @property
    def vae_dtype(self) -> torch.dtype:
        """Precision of the autoencoder."""
        return next(self.vae.parameters()).dtype

    @property
    def prediction_type(self) -> str:
        """What the UNet's output stands for: 'epsilon', 'v_prediction' or 'sample'."""
        return self.scheduler.config.prediction_type

    @property
    def alphas_cumprod(self) -> Tensor:
        """alpha-bar of every training step, ``(1000,)`` float32 on the model's device."""
        return self.scheduler.alphas_cumprod.to(self.device)

    @property
    def latent_scale(self) -> int:
        """How many pixels one latent covers along each side."""
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    @property
    def default_size(self) -> int:
        """Side of the square images that the model was trained on, in pixels."""
        return int(self.unet.config.sample_size) * self.latent_scale

    @property
    def multiple(self) -> int:
        """What the sides of images must be multiples of, in pixels: the cells of the UNet's coarsest level."""
        # Every level of the UNet halves the latents.
        return self.latent_scale * 2 ** (len(self.unet.config.block_out_channels) - 1)

    @property
    def longer_side(self) -> int:
        """Longer side at which images of any aspect are shown, in pixels: ``default_size``, made a multiple."""
        return max(self.multiple, self.default_size // self.multiple * self.multiple)


def load_parts(
    name: str | os.PathLike,
    *,
    revision: str | None = None,
    device: str | torch.device = 'cpu',
    dtype: torch.dtype = torch.float32,
    local_files_only: bool | None = None,
    scheduler: DDIMScheduler | LCMScheduler | None = None,
    clip: str | os.PathLike | None = None,
    config: str | os.PathLike | None = None,
) -> Parts:
    """Return a text-to-image model, frozen and in eval mode: Stable Diffusion 1.x, 2.x, SDXL, or distilled from one.

    Args:
        name: 'embedded' (shipped with the package), a folder written by diffusers' ``save_pretrained``, a
            single file of safetensors in the LDM layout, or an id on the Hugging Face hub; ids that vanished
            are looked for at their mirror too (``sources.KNOWN``).
        revision: Branch, tag or commit on the hub.
        device: Where to put the modules.
        dtype: Precision of the modules. In float16 the autoencoder of SDXL stays in float32 where its config
            says that it would overflow (``force_upcast``).
        local_files_only: Never use the network. None is True unless ``MMSEG_GEN_DOWNLOAD=1`` is set.
        scheduler: Replaces the model's own, which is read as a DDIM schedule whatever sampler it names, but
            for LCM's.
        clip: Folder or hub id of a CLIPModel. None takes the subfolder ``clip`` of a local folder if there is
            one.
        config: For a single file: a folder in diffusers' layout, or a hub id, of the same family; its weights
            are not read. None takes the folder beside the file with its name, without the ending.

    Raises:
        UserError: The model is not there, is not on this machine, is stored as pickles only, is damaged, does
            not fit its config, or is of another family. The text names the cure.
    """
    offline = network_forbidden(local_files_only)
    device = checked_device(device)
    source = resolve_source(str(name), revision, offline, config=None if config is None else str(config))
    weights = read_file(source.file) if source.file else None
    if scheduler is None:
        scheduler = read_scheduler(source)
    unet = read_model(source, UNet2DConditionModel, 'unet', weights)
    sdxl = _is_sdxl(unet, source)
    modules = {'unet': unet} | _read_others(source, weights, sdxl)
    for part, module in modules.items():
        # Half precision overflows in SDXL's autoencoder; diffusers' pipeline goes by the same entry.
        upcast = part == 'vae' and sdxl and dtype == torch.float16 and module.config.force_upcast
        with quiet_loading():
            module.to(device, torch.float32 if upcast else dtype)
        module.eval().requires_grad_(False)
    tokenizer = read_whole(source, CLIPTokenizer, 'tokenizer')
    parts = Parts(
        **modules,
        tokenizer=tokenizer,
        scheduler=scheduler,
        clip=_load_clip(source, clip, tokenizer, offline, device),
        name=str(name),
        tokenizer_2=read_whole(source, CLIPTokenizer, 'tokenizer_2') if sdxl else None,
        force_zeros_for_empty_prompt=sdxl and zeros_for_empty_prompt(source),
    )
    check_parts(parts)
    return parts


def _read_others(source: Source, weights: Weights | None, sdxl: bool) -> dict[str, Any]:
    """Return the networks beside the UNet."""
    kinds = {'vae': AutoencoderKL, 'text_encoder': CLIPTextModel}
    if sdxl:
        kinds['text_encoder_2'] = CLIPTextModelWithProjection
    return {part: read_model(source, kind, part, weights) for part, kind in kinds.items()}


def _is_sdxl(unet: UNet2DConditionModel, source: Source) -> bool:
    """Return whether the UNet is SDXL's; refuse what is neither that nor Stable Diffusion 1.x or 2.x."""
    added, hidden = unet.config.addition_embed_type, unet.config.encoder_hid_dim_type
    if added not in (None, 'text_time') or hidden is not None:
        raise UserError(
            f'Expected Stable Diffusion 1.x, 2.x, SDXL or a model distilled from them, but got {source.name}, whose '
            f'UNet takes other conditions (addition_embed_type {added!r}, encoder_hid_dim_type {hidden!r}), as '
            'Kandinsky and DeepFloyd do.'
        )
    return added is not None


def _load_clip(
    source: Source,
    name: str | os.PathLike | None,
    tokenizer: CLIPTokenizer,
    offline: bool,
    device: torch.device,
) -> ClipParts | None:
    if name is None:
        folder = Path(source.location) / 'clip'
        if not source.is_folder or not folder.is_dir():
            return None
        own = Source(str(folder), None, True, str(folder))
    else:
        own = resolve_source(str(name), None, offline, pipeline=False)
        tokenizer = read_whole(own, CLIPTokenizer, None)
    # Zero-shot recognition stays in float32: it is cheap, and its logits are scaled by 100.
    model = read_model(own, CLIPModel, None).to(device).float().eval().requires_grad_(False)
    return ClipParts(model, tokenizer)


def checked_device(device: str | torch.device) -> torch.device:
    """Return a device of this machine.

    Raises:
        UserError: It is none.
    """
    try:
        device = torch.device(device)
    except RuntimeError as error:
        raise UserError(f"Expected `device` such as 'cpu' or 'cuda:0', but got {device!r}.") from error
    if device.type == 'cuda' and not torch.cuda.is_available():
        raise UserError(f"Expected a device of this machine, but got '{device}' and PyTorch sees no GPU; use 'cpu'.")
    return device


__all__ = ['EMBEDDED', 'ClipParts', 'Parts', 'load_parts']
