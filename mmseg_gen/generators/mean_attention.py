"""Mean attention maps of photos: each noised at many times on its own, no sampler (fobadiffusion, Sec. 3, Eq. 4).

Shape letters: N photos, R noise samples of each (the paper's N), T time steps (the paper's T0), G concepts, K tokens,
``(h, w)`` the grid of the latents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_gen.errors import UserError
from mmseg_gen.functional.noise import add_noise

from .capture import AttentionRecorder
from .conditioning import Conditioning, as_conditioning
from .denoising import check_inputs, ddim_steps, unet_output
from .parts import Parts
from .prompts import class_token_positions, warn_of_spelling
from .text import encode_prompts


@dataclass(frozen=True, eq=False)
class ConceptPrompt:
    """A prompt, encoded, and where its concepts stand in it.

    Attributes:
        context: What conditions the UNet, of one sample.
        positions: Token positions of each of G concepts; their attention is summed.
    """

    context: Conditioning
    positions: list[list[int]]


def concept_prompt(parts: Parts, prompt: str, concepts: Sequence[Sequence[str]]) -> ConceptPrompt:
    """Return a prompt whose concepts are to be found in photos.

    Args:
        parts: The model.
        prompt: Such as "a photo of a human with arms and legs".
        concepts: The words of each concept, for instance ``[['human'], ['arms', 'legs']]``. A word may be several
            words or several tokens: all of them count (App. H).

    Raises:
        UserError: There is no concept, one has no words, or a word is not in the prompt or beyond the token limit.
        TypeError: A concept is one text instead of a list of words.
    """
    if not concepts or any(not words for words in concepts):
        raise UserError(f'Expected `concepts` to hold at least one list of words, none of them empty, got {concepts}.')
    for words in concepts:
        if isinstance(words, str):
            raise TypeError(f'Expected a concept to be a list of words, but got the text {words!r}; write [{words!r}].')
    positions = []
    for words in concepts:
        found = {p for word in words for p in class_token_positions(parts.tokenizer, prompt, word)}
        positions.append(sorted(found))
        for word in words:
            warn_of_spelling(parts.tokenizer, word, parts.name)
    return ConceptPrompt(as_conditioning(encode_prompts(parts, [prompt])), positions)


@dataclass(frozen=True)
class MeanAttention:
    """Finds concepts in photos by their cross-attention, averaged over layers and over noise levels.

    Attributes:
        parts: The model; any family with a DDIM schedule.
        steps: Steps of the whole schedule; 50 in the paper.
        used: The T0 cleanest of them are noised to; 40 in the paper (Fig. 3).
        repeats: Noise samples at each of them; 1 in the paper (Fig. 12).
        max_batch: Samples in one pass of the UNet, of any photos and times: it bounds the memory, and the maps do not
            depend on it beyond rounding.

    Raises:
        ValueError: A number is out of range, or the model is a consistency model.
    """

    parts: Parts
    steps: int = 50
    used: int = 40
    repeats: int = 1
    max_batch: int = 20

    def __post_init__(self) -> None:
        for name in ('repeats', 'max_batch'):
            if getattr(self, name) < 1:
                raise ValueError(f'Expected `{name}` to be 1 or more, but got {getattr(self, name)}.')
        if not 1 <= self.used <= self.steps:
            raise ValueError(f'Expected `used` in [1, {self.steps}], the number of steps, but got {self.used}.')
        ddim_steps(self.parts.scheduler, self.steps)

    @property
    def timesteps(self) -> list[int]:
        """The T times that photos are noised to, cleanest first; 1, 21, ... 781 in the paper."""
        return [step.timestep for step in reversed(ddim_steps(self.parts.scheduler, self.steps))][: self.used]

    def maps(self, latents: Tensor, prompts: Sequence[ConceptPrompt], seeds: Sequence[int]) -> Tensor:
        """Return the mean attention to each concept, float32 ``(N, G, h, w)`` in [0, its number of tokens].

        The paper's sum over times and layers, divided by their number.

        Args:
            latents: Scaled latents of the photos, ``(N, C, h, w)``.
            prompts: One for each photo, all of G concepts.
            seeds: One for each photo, in [0, 2^63): its map does not depend on the other photos.

        Raises:
            ValueError: Lengths or shapes do not fit, or the attention is not finite.
        """
        return self.step_maps(latents, prompts, seeds).mean((1, 2))

    @torch.no_grad()
    def step_maps(self, latents: Tensor, prompts: Sequence[ConceptPrompt], seeds: Sequence[int]) -> Tensor:
        """Return the attention at each noise sample and time, mean over layers, ``(N, R, T, G, h, w)`` on the CPU.

        Fewer repeats or fewer ``used`` steps give the first ones of the same maps.

        Args:
            latents: As in :meth:`maps`, like the arguments that follow.
            prompts: One for each photo.
            seeds: One for each photo.

        Raises:
            ValueError: Lengths or shapes do not fit, or the attention is not finite.
        """
        concepts = _check(latents, prompts, seeds)
        times, size = self.timesteps, (latents.shape[2], latents.shape[3])
        latents = latents.to(self.parts.device).float()
        samples = [(n, r, t) for n in range(len(latents)) for r in range(self.repeats) for t in range(len(times))]
        noises = _Noises(latents.shape[1:], seeds)
        recorder = AttentionRecorder(self.parts.unet, size, self_attention=False)
        found = []
        with recorder:
            for start in range(0, len(samples), self.max_batch):
                chunk = samples[start : start + self.max_batch]
                noise = torch.stack([noises.draw(n, r, t) for n, r, t in chunk]).to(latents.device)
                rows = [n for n, _, _ in chunk]
                recorder.reset()
                self._pass(latents[rows], [prompts[n] for n in rows], noise, [times[t] for _, _, t in chunk])
                found.append(_concept_maps(recorder, [prompts[n].positions for n in rows]).cpu())
        return torch.cat(found).reshape(len(latents), self.repeats, len(times), concepts, *size)

    def _pass(self, latents: Tensor, prompts: Sequence[ConceptPrompt], noise: Tensor, times: Sequence[int]) -> None:
        context = prompts[0].context
        for prompt in prompts[1:]:
            context = context.followed_by(prompt.context)
        check_inputs(self.parts, latents, context)
        at = torch.tensor(times, device=latents.device)
        noised = add_noise(latents, noise, self.parts.alphas_cumprod[at].float()[:, None, None, None])
        unet_output(self.parts, noised, at, context)


class _Noises:
    """Standard normal noise of each photo, repeat and time, drawn in order and on the CPU."""

    def __init__(self, shape: torch.Size, seeds: Sequence[int]):
        self.shape, self.seeds = shape, seeds
        self._generator = torch.Generator()

    def draw(self, photo: int, repeat: int, time: int) -> Tensor:
        # The times of a photo follow one another, so that one generator serves them in turn.
        if time == 0:
            entropy = np.random.SeedSequence([int(self.seeds[photo]), repeat])
            self._generator.manual_seed(int(entropy.generate_state(1, np.uint64)[0] >> 1))
        return torch.randn(self.shape, generator=self._generator)


def _concept_maps(recorder: AttentionRecorder, positions: Sequence[Sequence[Sequence[int]]]) -> Tensor:
    """Return the sum over tokens and mean over layers, ``(B, G, h, w)``; coarse layers are repeated, not blurred."""
    maps = []
    for own in zip(*positions, strict=True):
        layers = torch.cat([F.interpolate(m[:, None], recorder.size) for m in recorder.cross_maps(own)], 1)
        tokens = torch.tensor([len(p) for p in own], device=layers.device)
        maps.append(layers.mean(1) * tokens[:, None, None])
    return torch.stack(maps, 1)


def _check(latents: Tensor, prompts: Sequence[ConceptPrompt], seeds: Sequence[int]) -> int:
    """Return the number of concepts."""
    if latents.ndim != 4 or not len(latents):
        raise ValueError(f'Expected `latents` of shape (N, C, h, w), at least one, but got {tuple(latents.shape)}.')
    for name, given in (('prompts', prompts), ('seeds', seeds)):
        if len(given) != len(latents):
            raise ValueError(f'Expected one of `{name}` for each of {len(latents)} photos, but got {len(given)}.')
    counts = {len(prompt.positions) for prompt in prompts}
    if len(counts) > 1:
        raise ValueError(f'Expected `prompts` of one number of concepts, but got {sorted(counts)}.')
    return counts.pop()
