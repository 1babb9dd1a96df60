"""The Python door: a mask for an image and a class name, by a generative model or by a trained segmentor."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from mmseg_gen.api.attention_cut import DEFAULT_PROMPT, DEFAULT_STEPS, AttentionCutSegmenter
from mmseg_gen.api.segmentation import ImageLike, Segmentation, photo_pixels
from mmseg_gen.api.trained_model import ModelSegmenter
from mmseg_gen.errors import UserError

if TYPE_CHECKING:
    from mmseg_gen.functional.attention_cut import CutSettings
    from mmseg_gen.generators.parts import Parts

__all__ = ['AttentionCutSegmenter', 'ModelSegmenter', 'Segmentation', 'build_segmenter', 'segment']

ATTENTION_CUT = 'attention-cut'
Segmenter = Callable[[np.ndarray], Segmentation]


def segment(
    image: ImageLike,
    class_name: str,
    method: str = ATTENTION_CUT,
    *,
    generator: str | Parts = 'embedded',
    checkpoint: str | os.PathLike[str] | None = None,
    prompt: str = DEFAULT_PROMPT,
    steps: int = DEFAULT_STEPS,
    settings: CutSettings | None = None,
    seed: int = 0,
    device: str | None = None,
) -> Segmentation:
    """Segment one class in one image.

    For many images build the segmenter once: ``segmenter = build_segmenter('dog'); segmenter(image)``.

    Args:
        image: A path (see `read_image` for grey, 16-bit and transparent files) or ``(H, W, 3)`` uint8 RGB.
        class_name: One or several words.
        method: ``'attention-cut'``, or the path of an MMSegmentation config whose model makes the mask.
        generator: For AttentionCut: ``'embedded'``, a hub id, a diffusers folder, or loaded parts.
        checkpoint: Weights of the config's model.
        prompt: For AttentionCut: a prompt that holds the class name, or ``{class}`` in its place.
        steps: DDIM steps of the inversion.
        settings: Settings of AttentionCut, its defaults if None.
        seed: Chooses the boundary seeds: the same seed gives the same mask.
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
        **options: ``prompt``, ``steps``, ``settings`` and ``seed`` of `segment`, for AttentionCut.

    Raises:
        UserError: ``method`` and ``checkpoint`` do not fit, weights are missing, or the prompt lacks the
            class.
    """
    name = ' '.join(class_name.split())
    if not name:
        raise UserError('Expected `class_name` to be one or more words, but got an empty text.')
    if method == ATTENTION_CUT:
        if checkpoint is not None:
            raise UserError(f'Expected no `checkpoint` with {ATTENTION_CUT}, but got {checkpoint}.')
        return AttentionCutSegmenter(_parts(generator, device), name, **options)
    if checkpoint is None:
        raise UserError(f'Expected `method` to be {ATTENTION_CUT} or a config with its checkpoint, but got {method}.')
    return ModelSegmenter(method, checkpoint, name, device=_device(device))


def _device(device: str | None) -> str:
    import torch

    return device or ('cuda' if torch.cuda.is_available() else 'cpu')


def _parts(generator: str | Parts, device: str | None) -> Parts:
    from mmseg_gen.generators.parts import Parts, load_parts

    return generator if isinstance(generator, Parts) else load_parts(generator, device=_device(device))
