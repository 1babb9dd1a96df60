"""The Python door: a mask for an image and a class name, by a generative model or by a trained segmentor."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from mmseg_gen.api.attention_cut import DEFAULT_PROMPT, AttentionCutSegmenter
from mmseg_gen.api.segmentation import ImageLike, Segmentation, photo_pixels
from mmseg_gen.api.style_mixing import StyleMixingSegmenter
from mmseg_gen.api.trained_model import ModelSegmenter
from mmseg_gen.errors import UserError

if TYPE_CHECKING:
    from mmseg_gen.functional.attention_cut import CutSettings
    from mmseg_gen.generators.parts import Parts

__all__ = [
    'AttentionCutSegmenter',
    'ModelSegmenter',
    'Segmentation',
    'StyleMixingSegmenter',
    'build_segmenter',
    'segment',
]

ATTENTION_CUT, STYLE_MIXING = 'attention-cut', 'style-mixing'
Segmenter = Callable[[np.ndarray], Segmentation]


def segment(
    image: ImageLike,
    class_name: str,
    method: str = ATTENTION_CUT,
    *,
    generator: str | Parts = 'embedded',
    checkpoint: str | os.PathLike[str] | None = None,
    prompt: str = DEFAULT_PROMPT,
    steps: int | None = None,
    settings: CutSettings | None = None,
    encoder: str | None = None,
    seed: int = 0,
    device: str | None = None,
) -> Segmentation:
    """Segment one class in one image.

    For many images build the segmenter once: ``segmenter = build_segmenter('dog'); segmenter(image)``.

    Args:
        image: A path (see `read_image` for grey, 16-bit and transparent files) or ``(H, W, 3)`` uint8 RGB.
        class_name: One or several words.
        method: ``'attention-cut'``, ``'style-mixing'``, or the path of an MMSegmentation config whose model makes the
            mask.
        generator: For AttentionCut: ``'embedded'``, a hub id, a diffusers folder, or loaded parts. For style mixing:
            ``'embedded'``, or a config whose ``synthesis.generator`` is of type ``StyleMixing``.
        checkpoint: Weights of the config's model.
        prompt: For AttentionCut: a prompt that holds the class name, or ``{class}`` in its place.
        steps: Steps of the inversion; None takes 40 DDIM steps, or what the config of style mixing says.
        settings: Settings of AttentionCut; None for those chosen for the embedded models, or ``CutSettings()``.
        encoder: For style mixing: see :meth:`StyleMixingSegmenter.from_generator`.
        seed: Chooses the boundary seeds, or the styles: the same seed gives the same mask.
        device: ``'cpu'``, ``'cuda'``, ...; by default a GPU where there is one.

    Raises:
        FileNotFoundError: The image, config or checkpoint is not there.
        UserError: The image cannot be read, the weights are missing, or the prompt lacks the class.
        ValueError: The image is smaller than 8 x 8 pixels, or a setting is out of its range.
    """
    pixels = photo_pixels(image)
    segmenter = build_segmenter(
        class_name,
        method,
        generator=generator,
        checkpoint=checkpoint,
        prompt=prompt,
        steps=steps,
        settings=settings,
        encoder=encoder,
        seed=seed,
        device=device,
    )
    return segmenter(pixels)


def build_segmenter(
    class_name: str,
    method: str = ATTENTION_CUT,
    *,
    generator: str | Parts = 'embedded',
    checkpoint: str | os.PathLike[str] | None = None,
    device: str | None = None,
    **options: Any,
) -> Segmenter:
    """Return a function from an ``(H, W, 3)`` uint8 RGB image to its `Segmentation`, with its weights loaded.

    Args:
        class_name: As in `segment`, like the arguments that follow.
        method: A method's name or a config.
        generator: Name or parts of the generator.
        checkpoint: Weights of the config's model.
        device: Where to run.
        **options: ``prompt``, ``steps``, ``settings``, ``encoder`` and ``seed`` of `segment`; a method takes its own,
            and None counts as not given.

    Raises:
        FileNotFoundError: The config or the checkpoint is not there.
        UserError: ``method`` and ``checkpoint`` do not fit, the weights are missing, or the prompt lacks the class.
        ValueError: A setting is out of its range.
    """
    name = ' '.join(class_name.split())
    if not name:
        raise UserError('Expected `class_name` to be one or more words, but got an empty text.')
    given = {key: value for key, value in options.items() if value is not None}
    if method in (ATTENTION_CUT, STYLE_MIXING) and checkpoint is not None:
        raise UserError(f'Expected no `checkpoint` with {method}, but got {checkpoint}.')
    if method == ATTENTION_CUT:
        return AttentionCutSegmenter(_parts(generator, device), name, **_but(given, 'encoder'))
    if method == STYLE_MIXING:
        own = _but(given, 'prompt', 'settings')
        return StyleMixingSegmenter.from_generator(str(generator), name, device=_device(device), **own)
    if checkpoint is None:
        raise UserError(
            f'Expected `method` to be {ATTENTION_CUT}, {STYLE_MIXING} or a config with its checkpoint, but got '
            f'{method}.'
        )
    return ModelSegmenter(method, checkpoint, name, device=_device(device))


def _but(options: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key not in names}


def _device(device: str | None) -> str:
    import torch

    return device or ('cuda' if torch.cuda.is_available() else 'cpu')


def _parts(generator: str | Parts, device: str | None) -> Parts:
    from mmseg_gen.generators.parts import Parts, load_parts

    return generator if isinstance(generator, Parts) else load_parts(generator, device=_device(device))
