"""Latents of given images by optimisation (Karras et al., CVPR 2020, App. D), for style mixing on photographs.

Shape letters: N images, L layers, D length of a style, S steps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from mmseg_gen.errors import UserError
from mmseg_gen.functional.inversion_loss import feature_loss, noise_autocorrelation, pixel_loss, rate_factor
from mmseg_gen.functional.writing import write_atomically

from .stylegan2.network import StyleGan2

SPACES = ('w', 'w+')
Features = Callable[[Tensor], Sequence[Tensor]]
_KEY = 'inversion'


@dataclass(frozen=True)
class InversionSettings:
    """Settings of the optimisation; steps, learning rate, its ramps and the noise weight are the paper's.

    Attributes:
        space: 'w' for one style in all layers, 'w+' for one in each: closer to the image, farther from what the
            generator was trained on.
        steps: Steps of Adam.
        learning_rate: Its highest value; it rises over the first 5 % of the steps and falls over the last 25 %.
        scales: Sizes at which pixels are compared: the image's own, half of it, ...
        style_weight: Weight of the squared distance of the styles from the mean style (ours).
        feature_weight: Weight of the feature loss, where ``features`` are given; the pixel loss has 1 (ours).
        optimize_noise: Whether the noise maps are fitted too. What they take up, style mixing does not change.
        noise_weight: Weight of the noise's autocorrelation, which keeps the image out of it.

    Raises:
        ValueError: A value is out of range.
    """

    space: str = 'w'
    steps: int = 1000
    learning_rate: float = 0.1
    scales: int = 4
    style_weight: float = 0.0
    feature_weight: float = 1.0
    optimize_noise: bool = False
    noise_weight: float = 1e5

    def __post_init__(self) -> None:
        if self.space not in SPACES:
            raise ValueError(f'Expected `space` from {", ".join(SPACES)}, but got {self.space!r}.')
        for name, low in (('steps', 1), ('scales', 1), ('style_weight', 0), ('feature_weight', 0), ('noise_weight', 0)):
            if getattr(self, name) < low:
                raise ValueError(f'Expected `{name}` to be {low} or more, but got {getattr(self, name)}.')
        if not self.learning_rate > 0:
            raise ValueError(f'Expected `learning_rate` to be positive, but got {self.learning_rate}.')


@dataclass(frozen=True)
class Inversion:
    """Latents of images.

    Attributes:
        styles: ``(N, L, D)``.
        noise: One map for each convolution, ``(N, 1, h, w)``; the model's own where they were not fitted.
        losses: Pixel loss of each image before each step, ``(S, N)``.
    """

    styles: Tensor
    noise: tuple[Tensor, ...]
    losses: Tensor


def invert_images(
    model: StyleGan2,
    images: Tensor,
    settings: InversionSettings | None = None,
    *,
    start: Tensor | None = None,
    features: Features | None = None,
    checkpoint: str | Path | None = None,
    save_every: int = 100,
) -> Inversion:
    """Return latents whose images are near the given ones. Images of a batch do not interact.

    The model is left as it was.

    Args:
        model: The generator, in float32.
        images: ``(N, 3, R, R)`` in [-1, 1], R the generator's resolution.
        settings: How.
        start: Styles to start from, ``(N, L, D)``; in 'w' their mean over the layers. None starts at the mean style.
        features: Maps images ``(N, 3, R, R)`` to feature maps ``(N, C, H, W)`` of any network that gradients can pass,
            :func:`.clip_features` for instance; they are compared beside the pixels.
        checkpoint: File that holds the state; where it exists, the optimisation goes on from it, and the result is that
            of one run. It must be of the same images, settings, start and kind of features.
        save_every: Steps between writes of that file; it is written at the end too.

    Raises:
        ValueError: ``images`` or ``start`` have another shape or values that are not finite, or ``save_every`` is below
            1.
        UserError: The checkpoint is damaged, or of other images or settings.
    """
    settings = settings or InversionSettings()
    if save_every < 1:
        raise ValueError(f'Expected `save_every` to be 1 or more, but got {save_every}.')
    side = model.config.resolution
    if images.ndim != 4 or images.shape[1:] != (3, side, side) or not len(images) or not torch.isfinite(images).all():
        raise ValueError(f'Expected finite `images` of shape (N, 3, {side}, {side}), but got {tuple(images.shape)}.')
    expected = (len(images), model.num_layers, model.config.style_dim)
    if start is not None and (start.shape != expected or not torch.isfinite(start).all()):
        raise ValueError(f'Expected finite `start` of shape {expected}, but got {tuple(start.shape)}.')
    run = _Run(model, images.to(model.mapping.mean_style), settings, start, features)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and path.exists():
        run.load(path)
    # Below another bar it leaves no line for each batch.
    with tqdm(total=settings.steps, initial=run.step, unit='step', desc='inversion', disable=None, leave=None) as bar:
        while run.step < settings.steps:
            run.advance()
            bar.update()
            if path is not None and (run.step % save_every == 0 or run.step == settings.steps):
                run.save(path)
    return run.result()


class _Run:
    """The state of one optimisation."""

    def __init__(
        self,
        model: StyleGan2,
        targets: Tensor,
        settings: InversionSettings,
        start: Tensor | None,
        features: Features | None,
    ) -> None:
        self.model, self.targets, self.settings, self.step = model, targets, settings, 0
        self.start, self.features = start, features
        with torch.no_grad():
            # Copies: features may be views of the images.
            self.wanted = [] if features is None else [maps.clone() for maps in features(targets)]
        count, layers = len(targets), 1 if settings.space == 'w' else model.num_layers
        first = model.mapping.mean_style.expand(count, layers, -1) if start is None else start.to(targets)
        self.w = (first if first.shape[1] == layers else first.mean(1, keepdim=True)).detach().clone()
        self.noise = [conv.noise.detach().expand(count, 1, -1, -1).clone() for conv in model.synthesis.convs]
        self.fitted = [self.w, *self.noise] if settings.optimize_noise else [self.w]
        for tensor in self.fitted:
            tensor.requires_grad_()
        self.optimizer = torch.optim.Adam(self.fitted, lr=settings.learning_rate)
        self.losses: list[Tensor] = []

    def advance(self) -> None:
        settings = self.settings
        self.optimizer.param_groups[0]['lr'] = settings.learning_rate * rate_factor(self.step, settings.steps)
        images = self.model.synthesis(self._styles(), self.noise)
        pixels = pixel_loss(images, self.targets, settings.scales)
        loss = pixels.sum()
        if self.features is not None:
            loss = loss + settings.feature_weight * feature_loss(self.features(images), self.wanted).sum()
        if settings.style_weight:
            away = (self.w - self.model.mapping.mean_style).square().mean((1, 2))
            loss = loss + settings.style_weight * away.sum()
        if settings.optimize_noise:
            correlation = torch.stack([noise_autocorrelation(noise) for noise in self.noise]).sum()
            loss = loss + settings.noise_weight * correlation
        # Gradients of the fitted tensors alone: the model's parameters get none.
        for tensor, gradient in zip(self.fitted, torch.autograd.grad(loss, self.fitted), strict=True):
            tensor.grad = gradient
        self.optimizer.step()
        with torch.no_grad():
            for noise in self.fitted[1:]:
                noise -= noise.mean((2, 3), keepdim=True)
                noise *= (noise.square().mean((2, 3), keepdim=True) + 1e-8).rsqrt()
        self.losses.append(pixels.detach())
        self.step += 1

    def result(self) -> Inversion:
        noise = tuple(noise.detach() for noise in self.noise)
        return Inversion(self._styles().detach().clone(), noise, torch.stack(self.losses))

    def save(self, path: Path) -> None:
        state = {**self._given(), 'losses': torch.stack(self.losses)}
        for k, tensor in enumerate(self.fitted):
            moments = self.optimizer.state[tensor]
            state |= {f'{k}.value': tensor, f'{k}.mean': moments['exp_avg'], f'{k}.square': moments['exp_avg_sq']}
        stored = {key: value.detach().cpu().contiguous() for key, value in state.items()}
        metadata = {_KEY: json.dumps(asdict(self.settings))}
        write_atomically(path, lambda partial: save_file(stored, partial, metadata))

    def load(self, path: Path) -> None:
        try:
            with safe_open(path, 'pt') as file:
                settings = json.loads((file.metadata() or {})[_KEY])
                state = {key: file.get_tensor(key).to(self.targets) for key in file.keys()}
            given = self._given()
            stored = {k: v for k, v in state.items() if k in ('targets', 'start') or k.startswith('wanted.')}
            same = settings == asdict(self.settings) and stored.keys() == given.keys()
            same = same and all(torch.equal(stored[key], value) for key, value in given.items())
        except (SafetensorError, KeyError, ValueError) as error:
            raise UserError(f'Expected {path} to hold an inversion, but it is damaged or of another kind.') from error
        if not same:
            raise UserError(
                f'Expected {path} to be of these images and settings, but it is of others; give another `checkpoint`.'
            )
        self._restore(state)

    def _restore(self, state: dict[str, Tensor]) -> None:
        self.losses = list(state['losses'])
        self.step = len(self.losses)
        for k, tensor in enumerate(self.fitted):
            tensor.data.copy_(state[f'{k}.value'])
            moments = {'exp_avg': state[f'{k}.mean'], 'exp_avg_sq': state[f'{k}.square']}
            self.optimizer.state[tensor] = {'step': torch.tensor(float(self.step)), **moments}

    def _given(self) -> dict[str, Tensor]:
        start = {} if self.start is None else {'start': self.start.to(self.targets)}
        return {'targets': self.targets} | start | {f'wanted.{k}': maps for k, maps in enumerate(self.wanted)}

    def _styles(self) -> Tensor:
        return self.w.expand(-1, self.model.num_layers, -1)
