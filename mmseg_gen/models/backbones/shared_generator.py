"""Generators and CLIP priors that the backbones of a process share, so that none is a submodule or loaded twice."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from mmseg_gen.generators.clip_prior import ClipPrior
    from mmseg_gen.generators.parts import Parts

DTYPES = {'float32': torch.float32, 'float16': torch.float16, 'bfloat16': torch.bfloat16}
PRIOR = ('classes', 'templates', 'prompt')


def prior_settings(prior: dict | None) -> dict[str, Any] | None:
    """Return the settings of the CLIP prior with their defaults, hashable.

    Args:
        prior: ``classes`` (names, or the name of a list: 'embedded', 'voc', 'coco', 'imagenet'),
            ``templates`` (texts with ``{}`` whose embeddings are averaged for each class) and ``prompt``
            (text with ``{}`` that conditions the generator); None for no prior.

    Raises:
        ValueError: A key is unknown, ``classes`` is missing, or ``prompt`` has no place for the class.
    """
    if prior is None:
        return None
    settings = dict(classes=None, templates=None, prompt='a photo of a {}')
    settings.update(prior)
    if set(settings) != set(PRIOR) or not settings['classes']:
        raise ValueError(f'Expected `prior` with `classes` and no keys but {PRIOR}, but got {sorted(prior)}.')
    if '{}' not in settings['prompt']:
        raise ValueError(f"Expected `prior['prompt']` to hold {{}} for the class, but got {settings['prompt']!r}.")
    return {
        name: value if value is None or isinstance(value, str) else tuple(value) for name, value in settings.items()
    }


def class_prompts(pixels: Tensor, prior: dict[str, Any] | None, source: tuple[str | None, ...]) -> list[str]:
    """Return the prompt under which each image is inverted: its class as CLIP names it, or the empty text.

    Args:
        pixels: Images (B, 3, H, W) in [-1, 1].
        prior: From `prior_settings`.
        source: Arguments of `shared_parts`.

    Raises:
        ValueError: There is no CLIP.
    """
    if prior is None:
        return [''] * len(pixels)
    return [class_prompt(prior, name) for name in class_names(pixels, prior, source)]


def class_prompt(prior: dict[str, Any], name: str) -> str:
    """Return the prior's prompt for a class."""
    from mmseg_gen.generators.prompt_grammar import with_articles

    return with_articles(prior['prompt'].replace('{}', name))


def class_names(pixels: Tensor, prior: dict[str, Any], source: tuple[str | None, ...]) -> list[str]:
    """Return the class of each image as CLIP names it; arguments and errors as in `class_prompts`."""
    return _shared_prior(prior['classes'], prior['templates'], *source).classify(pixels)


@lru_cache(maxsize=2)
def shared_parts(generator: str, revision: str | None, clip: str | None, device: str, dtype: str) -> Parts:
    """Return a generator that is loaded once in a process for the same arguments.

    Args:
        generator: 'embedded', a Hub id, or a folder, as in `load_parts`.
        revision: Revision of a Hub id.
        clip: Folder or Hub id of a CLIP; None for the one beside the generator, if any.
        device: Where to put it.
        dtype: One of `DTYPES`.
    """
    from mmseg_gen.generators.parts import load_parts

    return load_parts(generator, revision=revision, clip=clip, device=device, dtype=DTYPES[dtype])


@lru_cache(maxsize=2)
def _shared_prior(classes: str | tuple[str, ...], templates: tuple[str, ...] | None, *source: Any) -> ClipPrior:
    from mmseg_gen.generators.class_lists import class_list
    from mmseg_gen.generators.clip_prior import PHOTO_TEMPLATES, ClipPrior

    parts = shared_parts(*source)
    if parts.clip is None:
        raise ValueError(
            f'Expected a CLIP for the `prior` of the backbone, but {parts.name} has none beside it; set '
            "`backbone.clip`, for instance to 'openai/clip-vit-large-patch14', or `backbone.prior=None`."
        )
    names = class_list(classes) if isinstance(classes, str) else classes
    return ClipPrior(parts.clip, names, PHOTO_TEMPLATES if templates is None else templates)
