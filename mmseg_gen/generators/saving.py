"""Write a text-to-image model as a folder that diffusers and ``load_parts`` read."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .parts import Parts
from .quiet import quiet_loading


def save_parts(parts: Parts, folder: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write all parts as safetensors, with ``model_index.json``, and CLIP where there is one.

    Args:
        parts: The model; it is not changed.
        folder: Where to; created.
        dtype: Precision of the files.
    """
    with quiet_loading():
        _pipeline(parts, dtype).save_pretrained(folder, safe_serialization=True)
        if parts.clip is not None:
            _in_precision(parts.clip.model, dtype).save_pretrained(folder / 'clip')
            parts.clip.tokenizer.save_pretrained(folder / 'clip')


def _pipeline(parts: Parts, dtype: torch.dtype) -> Any:
    # Here, where it is quiet: the first import of a pipeline warns about libraries that are not needed.
    from diffusers import LatentConsistencyModelPipeline, StableDiffusionPipeline, StableDiffusionXLPipeline

    if parts.text_encoder_2 is not None:
        return StableDiffusionXLPipeline(**_components(parts, dtype))
    consistency = parts.unet.config.time_cond_proj_dim is not None
    return (LatentConsistencyModelPipeline if consistency else StableDiffusionPipeline)(**_components(parts, dtype))


def _components(parts: Parts, dtype: torch.dtype) -> dict[str, Any]:
    names = ('vae', 'unet', 'text_encoder')
    found: dict[str, Any] = {name: _in_precision(getattr(parts, name), dtype) for name in names}
    found |= dict(tokenizer=parts.tokenizer, scheduler=parts.scheduler, feature_extractor=None)
    if parts.text_encoder_2 is None:
        return found | dict(safety_checker=None, requires_safety_checker=False)
    return found | dict(
        text_encoder_2=_in_precision(parts.text_encoder_2, dtype),
        tokenizer_2=parts.tokenizer_2,
        force_zeros_for_empty_prompt=parts.force_zeros_for_empty_prompt,
        add_watermarker=False,
    )


def _in_precision(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    if all(tensor.dtype == dtype for tensor in module.parameters()):
        return module
    return copy.deepcopy(module).to(dtype)
