"""Networks that turn images into feature vectors, for the Frechet distance and its like.

An extractor is any callable that takes a list of images, uint8 RGB ``(3, H, W)`` of any sizes, and returns features
``(N, D)``. Those here read local files only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmseg_gen.errors import UserError
from mmseg_gen.registry import MODELS

FeatureExtractor: TypeAlias = Callable[[Sequence[Tensor]], Tensor]
# Means and deviations of ImageNet, RGB in [0, 1]: torchvision's convention.
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@MODELS.register_module()
class ClipFeatures:
    """Image embeddings of a CLIP, float32 ``(N, D)``; the embedded one by default, which needs no download.

    Distances of the embedded CLIP compare sets with one another; they are no published FID.

    Args:
        clip: Folder or hub id of a CLIPModel; None takes the embedded one.
        device: Where it runs.
    """

    def __init__(self, clip: str | None = None, device: str = 'cpu') -> None:
        from mmseg_gen.generators.parts import EMBEDDED, load_parts

        self.model = load_parts(EMBEDDED, clip=clip).clip.model.to(device)

    @torch.no_grad()
    def __call__(self, images: Sequence[Tensor]) -> Tensor:
        """Return the features of images."""
        from mmseg_gen.generators.clip_prior import clip_pixels

        side = self.model.config.vision_config.image_size
        pixels = [clip_pixels(image[None].to(self.model.device) / 127.5 - 1, side) for image in images]
        found = self.model.get_image_features(pixel_values=torch.cat(pixels))
        # A tensor in transformers 4, an object in 5.
        return getattr(found, 'pooler_output', found).float()


@MODELS.register_module()
class NetworkFeatures:
    """Features of any registered network with weights from a safetensors file, float32 ``(N, D)``.

    Maps are averaged over their pixels; of several outputs the last counts.

    Args:
        network: The network, or its config for the registry.
        weights: Local ``.safetensors`` file that fits it exactly.
        side: Images are resized to this side, bilinear with antialiasing.
        mean: Subtracted from RGB in [0, 1].
        deviation: Divides the rest.
        device: Where it runs.

    Raises:
        UserError: The file is missing, of another kind, or does not fit the network.
    """

    def __init__(
        self,
        network: nn.Module | dict,
        weights: str,
        side: int = 299,
        mean: Sequence[float] = IMAGENET_MEAN,
        deviation: Sequence[float] = IMAGENET_DEVIATION,
        device: str = 'cpu',
    ) -> None:
        self.network = MODELS.build(dict(network)) if isinstance(network, dict) else network
        _load_safetensors(self.network, _existing(weights))
        # Not chained: `eval` of MMSegmentation's backbones returns None.
        self.network.to(device).requires_grad_(False)
        self.network.eval()
        self.side, self.device = side, torch.device(device)
        self.mean, self.deviation = (torch.tensor(v, device=device).view(3, 1, 1) for v in (mean, deviation))

    @torch.no_grad()
    def __call__(self, images: Sequence[Tensor]) -> Tensor:
        """Return the features of images."""
        pixels = _resized(images, self.side).to(self.device) / 255
        found = self.network((pixels - self.mean) / self.deviation)
        found = found[-1] if isinstance(found, (tuple, list)) else found
        return found.float().flatten(2).mean(2) if found.ndim > 2 else found.float()


@MODELS.register_module()
class TorchScriptFeatures:
    """Features of a TorchScript file, float32 ``(N, D)``: the Inception network of published FIDs comes as one.

    A TorchScript file is a program: it runs with your rights. Therefore it must be trusted explicitly, for a file
    whose checksum you have compared with its publisher's.

    Args:
        path: Local file. NVIDIA's ``inception-2015-12-05.pt`` takes uint8 images of any size and
            ``options=dict(return_features=True)``.
        trust_code: Must be True.
        side: Images are resized to this side first; None leaves them, for networks that resize themselves.
        value_range: What 0 and 255 become, for networks that do not take uint8; None passes uint8.
        options: Further arguments of the network.
        device: Where it runs.

    Raises:
        UserError: The file is missing, or ``trust_code`` is not True.
    """

    def __init__(
        self,
        path: str,
        trust_code: bool = False,
        side: int | None = None,
        value_range: tuple[float, float] | None = None,
        options: dict[str, Any] | None = None,
        device: str = 'cpu',
    ) -> None:
        file = _existing(path)
        if trust_code is not True:
            raise UserError(
                f'Expected `trust_code=True` for {file}: a TorchScript file is a program that runs with your rights. '
                'Set it for a file from a source you trust, or use NetworkFeatures with safetensors.'
            )
        self.network = torch.jit.load(str(file), map_location=device).eval()
        self.side, self.value_range, self.options = side, value_range, dict(options or {})
        self.device = torch.device(device)

    @torch.no_grad()
    def __call__(self, images: Sequence[Tensor]) -> Tensor:
        """Return the features of images."""
        return torch.cat([self._features(image) for image in images])

    def _features(self, image: Tensor) -> Tensor:
        pixels = image[None] if self.side is None else _resized([image], self.side).round().to(torch.uint8)
        pixels = pixels.to(self.device)
        if self.value_range is not None:
            low, high = self.value_range
            pixels = pixels.float() / 255 * (high - low) + low
        return self.network(pixels, **self.options).float().flatten(1)


def _resized(images: Sequence[Tensor], side: int) -> Tensor:
    """Return the images at one size, float32 ``(N, 3, S, S)`` in [0, 255]."""
    return torch.cat(
        [
            F.interpolate(image[None].float(), (side, side), mode='bilinear', align_corners=False, antialias=True)
            for image in images
        ]
    ).clamp(0, 255)


def _existing(path: str) -> Path:
    file = Path(path)
    if not file.is_file():
        raise UserError(f'Expected the weights of a feature extractor, but there is no file {file}.')
    return file


def _load_safetensors(network: nn.Module, file: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if file.suffix != '.safetensors':
        raise UserError(f'Expected a .safetensors file, but got {file}: convert it first; pickles are not read.')
    try:
        weights = load_file(file)
    except SafetensorError as error:
        raise UserError(f'Expected a sound safetensors file, but {file} is damaged ({error}).') from error
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        text = ' '.join(str(error).split())
        raise UserError(
            f'Expected weights of {type(network).__name__} in {file}, but got others: {text[:200]}'
        ) from error
