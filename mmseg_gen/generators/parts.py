"""Load the parts of a text-to-image model: the one place that knows names, mirrors and offline rules.

Only safetensors are read: pickles can execute code. Nothing is fetched from the network unless asked for, by
``local_files_only=False`` or by ``MMSEG_GEN_DOWNLOAD=1`` in the environment.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer

from mmseg_gen.errors import UserError

from .quiet import quiet_loading
from .sources import EMBEDDED, Source, explain_failure, resolve_source

logger = logging.getLogger(__name__)


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
        scheduler: Noise schedule.
        clip: For zero-shot recognition; None where the model brings none.
        name: What it was loaded by.
    """

    vae: AutoencoderKL
    unet: UNet2DConditionModel
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    scheduler: DDIMScheduler
    clip: ClipParts | None
    name: str

    @property
    def device(self) -> torch.device:
        """Where the UNet runs."""
        return self.unet.device

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the UNet."""
        return self.unet.dtype

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


def load_parts(
    name: str | os.PathLike,
    *,
    revision: str | None = None,
    device: str | torch.device = 'cpu',
    dtype: torch.dtype = torch.float32,
    local_files_only: bool | None = None,
    scheduler: DDIMScheduler | None = None,
    clip: str | os.PathLike | None = None,
) -> Parts:
    """Return a text-to-image model, frozen and in eval mode.

    Args:
        name: 'embedded' (shipped with the package), a folder written by diffusers' ``save_pretrained``, or an
            id on the Hugging Face hub; ids that vanished are looked for at their mirror too
            (``sources.KNOWN``).
        revision: Branch, tag or commit on the hub.
        device: Where to put the modules.
        dtype: Precision of the modules.
        local_files_only: Never use the network. None is True unless ``MMSEG_GEN_DOWNLOAD=1`` is set.
        scheduler: Replaces the model's own, which is read as a DDIM schedule whatever sampler it names.
        clip: Folder or hub id of a CLIPModel. None takes the subfolder ``clip`` of a local folder if there is
            one.

    Raises:
        UserError: The model is not there, is not on this machine, is stored as pickles only, is damaged, or
            is not a Stable Diffusion 1.x or 2.x. The text names the cure.
    """
    offline = os.environ.get('MMSEG_GEN_DOWNLOAD') != '1' if local_files_only is None else local_files_only
    device = _checked_device(device)
    source = resolve_source(str(name), revision, offline)
    if scheduler is None:
        scheduler = _read(source, DDIMScheduler, 'scheduler')
    unet = _read_model(source, UNet2DConditionModel, 'unet')
    if unet.config.addition_embed_type is not None or unet.config.encoder_hid_dim_type is not None:
        raise UserError(
            f'Expected Stable Diffusion 1.x or 2.x, but got {name} with other conditions (SDXL, Kandinsky).'
        )
    modules = dict(
        unet=unet,
        vae=_read_model(source, AutoencoderKL, 'vae'),
        text_encoder=_read_model(source, CLIPTextModel, 'text_encoder'),
    )
    for module in modules.values():
        with quiet_loading():
            module.to(device, dtype)
        module.eval().requires_grad_(False)
    tokenizer = _read(source, CLIPTokenizer, 'tokenizer')
    recognizer = _load_clip(source, clip, tokenizer, offline, device)
    return Parts(**modules, tokenizer=tokenizer, scheduler=scheduler, clip=recognizer, name=str(name))


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
        tokenizer = _read(own, CLIPTokenizer, None)
    # Zero-shot recognition stays in float32: it is cheap, and its logits are scaled by 100.
    model = _read_model(own, CLIPModel, None).to(device).float().eval().requires_grad_(False)
    return ClipParts(model, tokenizer)


def _read(source: Source, kind: type, subfolder: str | None, **options: Any) -> Any:
    """Call ``kind.from_pretrained`` on the first location that answers and explain a failure."""
    arguments: dict[str, Any] = dict(revision=source.revision, local_files_only=source.offline, **options)
    if subfolder is not None:
        arguments['subfolder'] = subfolder
    try:
        with quiet_loading():
            return kind.from_pretrained(source.location, **arguments)
    except Exception as error:
        raise explain_failure(source, subfolder, error) from error


def _read_model(source: Source, kind: type, subfolder: str | None) -> Any:
    model, report = _read(source, kind, subfolder, use_safetensors=True, output_loading_info=True)
    missing = sorted(report['missing_keys']) + [str(m) for m in report.get('mismatched_keys', ())]
    # Without this the loaders fill the gaps with random numbers and go on.
    missing = [key for key in missing if 'position_ids' not in key]
    if missing:
        part = subfolder or 'the model'
        raise UserError(
            f'Expected all weights of {part} in {source.name}, but {len(missing)} are missing or of another '
            f'shape ({missing[0]}, ...); get the folder again.'
        )
    return model


def _checked_device(device: str | torch.device) -> torch.device:
    try:
        device = torch.device(device)
    except RuntimeError as error:
        raise UserError(f"Expected `device` such as 'cpu' or 'cuda:0', but got {device!r}.") from error
    if device.type == 'cuda' and not torch.cuda.is_available():
        raise UserError(f"Expected a device of this machine, but got '{device}' and PyTorch sees no GPU; use 'cpu'.")
    return device


__all__ = ['EMBEDDED', 'ClipParts', 'Parts', 'load_parts']
