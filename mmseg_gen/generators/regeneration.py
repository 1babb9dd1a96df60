"""An image made again, under masks of its classes, in one pass of the UNet for all of them (G4Seg, Sec. 3.2-3.3).

Shape letters: B masks of one image, S noise samples, ``(h, w)`` the grid of the latents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mmseg_gen.functional.mask_gradient import discrepancy
from mmseg_gen.functional.mask_injection import InjectionSettings

from .conditioning import Conditioning, as_conditioning
from .control import Control, ControlInjection
from .latents import draw_noise
from .mask_injection import MaskInjection
from .one_step import check_timestep, regenerate_latents
from .parts import Parts
from .prompts import class_token_positions
from .text import encode_prompts

PLACEHOLDER = '{class}'


@dataclass(frozen=True, eq=False)
class ClassPrompts:
    """The prompts of B classes: what conditions the UNet, where each class stands in its prompt, and its name."""

    context: Conditioning
    positions: list[list[int]]
    names: list[str]


@dataclass(frozen=True)
class Regenerator:
    """Noises an image and denoises it in one step, its attention told where a class is.

    Attributes:
        parts: The model.
        prompt: Holds ``{class}``.
        timestep: Noise level t; 400 in the paper.
        injection: How a mask is written into attention; None leaves attention alone.
        max_batch: Images in one pass of the UNet: more classes or noise samples go through it in several.
        control: A ControlNet that is shown the masks, beside the injection or, where that is None, instead of it.

    Raises:
        ValueError: ``prompt`` lacks ``{class}``, ``timestep`` is not in the schedule, or ``max_batch`` is below 1.
    """

    parts: Parts
    prompt: str = 'a photo of a {class}'
    timestep: int = 400
    injection: InjectionSettings | None = field(default_factory=InjectionSettings)
    max_batch: int = 16
    control: Control | None = None

    def __post_init__(self) -> None:
        if PLACEHOLDER not in self.prompt:
            raise ValueError(f'Expected `prompt` to hold {PLACEHOLDER}, but got {self.prompt!r}.')
        if self.max_batch < 1:
            raise ValueError(f'Expected `max_batch` to be 1 or more, but got {self.max_batch}.')
        check_timestep(self.parts, self.timestep)

    def prompts(self, names: Sequence[str]) -> ClassPrompts:
        """Return the prompts of some classes; a class may be several words, and a word several tokens."""
        texts = [self.prompt.replace(PLACEHOLDER, name) for name in names]
        tokenizer = self.parts.tokenizer
        positions = [class_token_positions(tokenizer, text, name) for text, name in zip(texts, names, strict=True)]
        return ClassPrompts(as_conditioning(encode_prompts(self.parts, texts)), positions, list(names))

    @torch.no_grad()
    def regenerate(self, latents: Tensor, masks: Tensor, prompts: ClassPrompts, seeds: Sequence[int]) -> Tensor:
        """Return the clean latents under each mask and noise, ``(B, S, C, h, w)``.

        Args:
            latents: Of the image, ``(1, C, h, w)``.
            masks: Of the classes, in [0, 1], ``(B, H, W)``.
            prompts: Of the classes.
            seeds: One noise sample each; classes share them.
        """
        made = [self._pass(latents, masks, prompts, pairs, seeds) for pairs in self._pairs(len(masks), len(seeds))]
        return torch.cat(made).unflatten(0, (len(masks), len(seeds)))

    def gradients(
        self, latents: Tensor, masks: Tensor, prompts: ClassPrompts, seeds: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """Return each sample's discrepancy ``(B, S)`` and its gradient with respect to the mask ``(B, S, H, W)``.

        The discrepancy is the mean over places of the squared distance between the image's latents and those that the
        model makes of it.

        Args:
            latents: As in :meth:`regenerate`, like the arguments that follow.
            masks: Of the classes; the injection must be ``soft``.
            prompts: Of the classes.
            seeds: Of the noise.
        """
        losses, gradients = [], []
        for pairs in self._pairs(len(masks), len(seeds)):
            with torch.enable_grad():
                chosen = masks[[b for b, _ in pairs]].detach().clone().requires_grad_()
                made = self._pass(latents, chosen, prompts, pairs, seeds, chosen=True)
                loss = discrepancy(made, latents).mean((1, 2))
                gradients.append(torch.autograd.grad(loss.sum(), chosen)[0])
            losses.append(loss.detach())
        shape = (len(masks), len(seeds))
        return torch.cat(losses).unflatten(0, shape), torch.cat(gradients).unflatten(0, shape)

    def errors(self, latents: Tensor, masks: Tensor, prompts: ClassPrompts, seeds: Sequence[int]) -> Tensor:
        """Return each sample's discrepancy, ``(B, S)``, without a gradient; arguments as in :meth:`regenerate`."""
        made = self.regenerate(latents, masks, prompts, seeds)
        return (made - latents).square().mean((2, 3, 4))

    def _pairs(self, classes: int, samples: int) -> Iterator[list[tuple[int, int]]]:
        pairs = [(b, s) for b in range(classes) for s in range(samples)]
        for start in range(0, len(pairs), self.max_batch):
            yield pairs[start : start + self.max_batch]

    def _pass(
        self,
        latents: Tensor,
        masks: Tensor,
        prompts: ClassPrompts,
        pairs: list[tuple[int, int]],
        seeds: Sequence[int],
        chosen: bool = False,
    ) -> Tensor:
        size, rows = (latents.shape[2], latents.shape[3]), [b for b, _ in pairs]
        noise = draw_noise(self.parts, [seeds[s] for _, s in pairs], size)
        context, batch = prompts.context[rows], latents.expand(len(pairs), -1, -1, -1)
        given = masks if chosen else masks[rows]
        with self._told(given, rows, prompts, size):
            return regenerate_latents(self.parts, batch, context, noise, self.timestep)

    @contextmanager
    def _told(self, masks: Tensor, rows: list[int], prompts: ClassPrompts, size: tuple[int, int]) -> Iterator[None]:
        """Let the UNet know the masks of some classes."""
        with ExitStack() as stack:
            if self.injection is not None:
                positions, total = [prompts.positions[b] for b in rows], self.parts.scheduler.config.num_train_timesteps
                options = dict(timestep=self.timestep, total=total, settings=self.injection)
                stack.enter_context(MaskInjection(self.parts.unet, masks, positions, size, **options))
            if self.control is not None:
                names = [prompts.names[b] for b in rows]
                stack.enter_context(ControlInjection(self.parts.unet, self.control, masks, names))
            yield
