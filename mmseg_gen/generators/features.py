"""Outputs of a UNet's transformer blocks, averaged over denoising steps: DiffusionSeg's features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from diffusers import UNet2DConditionModel
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import Tensor

from .conditioning import Context
from .inversion import invert_latents
from .latents import encode_images
from .parts import Parts
from .recording import Recording, add_to, network_order
from .sampling import sample_latents

Blocks = Literal['encoder', 'all'] | Sequence[int]


def block_names(unet: UNet2DConditionModel, blocks: Blocks = 'all') -> list[str]:
    """Return the names of a UNet's transformer blocks in the order down, middle, up.

    Args:
        unet: The network.
        blocks: 'encoder' for those of the down path (SD 1.x: six, two each at 64, 32 and 16), 'all', or
            indices into 'all', negative ones from the end.

    Raises:
        ValueError: Another word, an index out of range, an index twice, or nothing chosen.
    """
    names = [name for name, module in unet.named_modules() if isinstance(module, Transformer2DModel)]
    names.sort(key=lambda name: network_order(name)[0])
    if isinstance(blocks, str):
        if blocks not in ('encoder', 'all'):
            raise ValueError(f"Expected `blocks` to be 'encoder', 'all' or indices, but got {blocks!r}.")
        chosen = [n for n in names if blocks == 'all' or n.startswith('down_blocks')]
    else:
        if any(not -len(names) <= i < len(names) for i in blocks):
            raise ValueError(f'Expected `blocks` in [0, {len(names)}), but got {list(blocks)}.')
        chosen = [names[i] for i in blocks]
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f'Expected `blocks` to choose transformer blocks once each, but got {blocks!r}.')
    return chosen


def block_channels(unet: UNet2DConditionModel, blocks: Blocks = 'all') -> list[int]:
    """Return how many channels each chosen block's map has."""
    # The projection is a convolution in SD 1.x and a linear layer in SD 2.x.
    projections = [unet.get_submodule(name).proj_out for name in block_names(unet, blocks)]
    return [p.weight.shape[0] for p in projections]


class FeatureRecorder(Recording):
    """Averages the outputs of transformer blocks over all calls of the UNet inside the context.

    Args:
        unet: The network to listen to.
        blocks: See :func:`block_names`.
        conditional_half: See :class:`Recording`; the samplers of this package set it themselves.
    """

    def __init__(self, unet: UNet2DConditionModel, blocks: Blocks = 'all', conditional_half: bool = False):
        super().__init__(conditional_half)
        self.unet, self.names = unet, block_names(unet, blocks)
        self._handles: list = []
        self.reset()

    def reset(self) -> None:
        """Forget everything recorded."""
        self._sums: list[Tensor | None] = [None] * len(self.names)
        self._calls = [0] * len(self.names)

    def _install(self) -> None:
        for i, name in enumerate(self.names):
            self._handles.append(self.unet.get_submodule(name).register_forward_hook(self._hook(i)))

    def _remove(self) -> None:
        while self._handles:
            self._handles.pop().remove()

    def _hook(self, index: int):
        def add(module, inputs, output) -> None:
            if self.listening:
                maps = output[0]
                self._sums[index] = add_to(self._sums[index], maps[self.skipped(len(maps)) :])
                self._calls[index] += 1

        return add

    def features(self) -> list[Tensor]:
        """Return the mean map of each block over the calls, ``(N, C, h, w)`` float32 each.

        Raises:
            ValueError: Nothing was recorded.
        """
        if 0 in self._calls:
            raise ValueError('Expected features to have been recorded, but got none; run the UNet inside `with`.')
        return [total / calls for total, calls in zip(self._sums, self._calls, strict=True)]


def diffusion_features(
    parts: Parts,
    images: Tensor,
    context: Context,
    *,
    steps: int = 40,
    passes: Literal['invert', 'reverse'] = 'invert',
    blocks: Blocks = 'all',
    fixed_point: int = 0,
) -> list[Tensor]:
    """Return transformer-block features of images, each ``(N, C, h, w)`` float32, averaged over steps.

    Args:
        parts: The model.
        images: RGB in [-1, 1], ``(N, 3, H, W)``.
        context: Condition of N prompts, from :func:`~mmseg_gen.generators.text.encode_prompts`.
        steps: Number of steps.
        passes: 'reverse' averages over the denoising that follows the inversion, as in the paper; 'invert'
            over the inversion itself, which visits the same states at half the cost.
        blocks: See :func:`block_names`.
        fixed_point: Refinements of the inversion.

    Raises:
        ValueError: ``passes`` is another word, or see :func:`~mmseg_gen.generators.inversion.invert_latents`.
    """
    if passes not in ('invert', 'reverse'):
        raise ValueError(f"Expected `passes` to be 'invert' or 'reverse', but got {passes!r}.")
    recorder = FeatureRecorder(parts.unet, blocks)
    latents = encode_images(parts, images)
    options = dict(steps=steps, fixed_point=fixed_point)
    if passes == 'invert':
        invert_latents(parts, latents, context, features=recorder, **options)
    else:
        noise = invert_latents(parts, latents, context, **options)
        sample_latents(parts, context, context, noise, steps=steps, guidance=1.0, features=recorder)
    return recorder.features()
