"""The Python door to refinement: an image and a coarse mask in, a soft and a hard mask out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmseg_gen.api.segmentation import ImageLike, photo_pixels
from mmseg_gen.errors import UserError

if TYPE_CHECKING:
    from mmseg_gen.generators.parts import Parts
    from mmseg_gen.refiners import Refinement, Refiner

DEFAULT_REFINER = 'g4seg-gradient'


def refine(
    image: ImageLike,
    mask: str | os.PathLike[str] | np.ndarray,
    class_name: str | Sequence[str],
    refiner: str | Mapping[str, Any] | Refiner = DEFAULT_REFINER,
    *,
    generator: str | Parts = 'embedded',
    device: str | None = None,
    soften: float | None = None,
) -> Refinement:
    """Refine a mask of one or several classes in one image.

    For many images build the refiner once, ``refiner = build_refiner('g4seg')``, and pass it.

    Args:
        image: A path or ``(H, W, 3)`` uint8 RGB.
        mask: A path of a PNG or npy file, or an array; see
            :func:`~mmseg_gen.refiners.stored_masks.mask_probabilities` for what it may hold.
        class_name: What the mask shows; for several classes their names, label 1 first.
        refiner: 'g4seg' (the paper's settings), 'g4seg-gradient' (ours, the default), 'dense-crf', 'bilateral-solver',
            'guided-filter', 'color-cut', 'pamr', 'cascade-psp'; or a refiner's config; or a refiner.
        generator: For G4Seg: 'embedded', a hub id, a diffusers folder, or loaded parts.
        device: ``'cpu'``, ``'cuda'``, ...; by default a GPU where there is one.
        soften: Width in pixels over which the edges of a hard mask are softened; None for 5 % of the longer side.

    Returns:
        Probabilities ``(n + 1, H, W)``, the background first, and labels ``(H, W)``.

    Raises:
        FileNotFoundError: The image or the mask is not there.
        UserError: A file cannot be read, weights are missing, or a class is not in the prompt.
        ValueError: Mask, classes and image do not fit one another, or a setting is out of range.
    """
    pixels, probabilities, names = refinement_inputs(image, mask, class_name, soften)
    return build_refiner(refiner, generator=generator, device=device).refine(pixels, probabilities, names)


def refinement_inputs(
    image: ImageLike,
    mask: str | os.PathLike[str] | np.ndarray,
    class_name: str | Sequence[str],
    soften: float | None = None,
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return what a refiner is called with: the image, probabilities ``(n + 1, H, W)``, and their names.

    Arguments and errors as in :func:`refine`.
    """
    from mmseg_gen.refiners.contract import BACKGROUND
    from mmseg_gen.refiners.stored_masks import mask_probabilities, read_mask

    pixels, names = photo_pixels(image), class_names(class_name)
    values = np.asarray(mask) if isinstance(mask, np.ndarray) else read_mask(mask)
    probabilities = mask_probabilities(values, names, (pixels.shape[0], pixels.shape[1]), soften)
    return pixels, probabilities, [BACKGROUND, *names]


def correspondence_picture(
    refiner: Refiner, image: np.ndarray, probabilities: np.ndarray, refined: np.ndarray, names: Sequence[str]
) -> np.ndarray:
    """Return a picture of what G4Seg matched, a row per class, as the paper's Fig. 7 and 9, RGB uint8.

    Args:
        refiner: G4Seg with ``update='mix'``.
        image: As from :func:`refinement_inputs`, like the arguments that follow.
        probabilities: Before the refinement.
        refined: After it.
        names: Of the channels.

    Raises:
        UserError: No class was refined.
        ValueError: The refiner is another.
    """
    from mmseg_gen.refiners.correspondences import find_correspondences
    from mmseg_gen.visualization.correspondence import correspondence_sheet, draw_correspondence

    found = find_correspondences(refiner, image, probabilities, refined, names)
    if not found:
        raise UserError('Expected a class with pixels in the mask, but there is none, so there is nothing to draw.')
    rows = [draw_correspondence(image, c.generated, c.places, c.matches, c.before, c.after) for c in found]
    return correspondence_sheet(rows)


def build_refiner(
    refiner: str | Mapping[str, Any] | Refiner = DEFAULT_REFINER,
    *,
    generator: str | Parts = 'embedded',
    device: str | None = None,
) -> Refiner:
    """Return a refiner, a function of image, probabilities and class names; arguments as in :func:`refine`.

    Raises:
        UserError: A config names no refiner that is known, or gives one what it does not take.
        ValueError: There is no such name, or a setting is out of range.
    """
    from mmseg_gen.engine.launch import known_types_only
    from mmseg_gen.refiners import Refiner
    from mmseg_gen.refiners.presets import preset
    from mmseg_gen.registry import REFINERS

    if isinstance(refiner, Refiner):
        return refiner
    config = preset(refiner, generator=generator, device=device) if isinstance(refiner, str) else dict(refiner)
    if config.get('type') not in REFINERS.module_dict:
        raise UserError(
            f'Expected the `type` of a refiner from {", ".join(sorted(REFINERS.module_dict))}, but got '
            f'{config.get("type")!r}.'
        )
    with known_types_only():
        return REFINERS.build(config)


def class_names(names: str | Sequence[str]) -> list[str]:
    """Return class names with single blanks.

    Raises:
        UserError: A name is empty or occurs twice.
    """
    given = [names] if isinstance(names, str) else list(names)
    clean = [' '.join(name.split()) for name in given]
    if not clean or '' in clean or len(set(clean)) < len(clean):
        raise UserError(f'Expected class names, each once, but got {given}.')
    return clean
