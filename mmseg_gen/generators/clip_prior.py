"""Zero-shot recognition with CLIP: which class an image shows (Radford et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .class_lists import ClassName
from .parts import ClipParts
from .prompt_grammar import with_articles

# Ours, in the manner of the templates published with CLIP; several are averaged. Photographs only.
PHOTO_TEMPLATES = (
    'a photo of a {}.',
    'a close-up photo of a {}.',
    'a photo of the large {}.',
    'a photo of the small {}.',
)
# Channel means and deviations of CLIP's training images, RGB in [0, 1].
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)


class ClipPrior:
    """Names the class of images by comparing them with the mean embedding of several texts per class.

    Args:
        clip: Model and tokenizer.
        names: Classes: texts, or :class:`ClassName` whose words are recognised and whose group is returned.
        templates: Texts with ``{}`` for the class.

    Raises:
        ValueError: There is no class, or no template, or one without ``{}``.
    """

    def __init__(
        self,
        clip: ClipParts,
        names: Sequence[str | ClassName],
        templates: Sequence[str] = ('a photo of a {}',),
    ):
        if not names:
            raise ValueError('Expected `names` to hold at least one class, but got none.')
        if not templates or any('{}' not in t for t in templates):
            raise ValueError(f'Expected `templates` with {{}} for the class, at least one, but got {list(templates)}.')
        self.clip = clip
        entries = [ClassName(n, n, n) if isinstance(n, str) else n for n in names]
        self.names = [e.words for e in entries]
        self.groups = [e.group for e in entries]
        self.texts = self._embed_texts(templates)

    @torch.no_grad()
    def _embed_texts(self, templates: Sequence[str], batch: int = 256) -> Tensor:
        """Return one unit vector a class, ``(C, D)``: the mean of its templates' unit vectors, rescaled."""
        model, tokenizer = self.clip.model, self.clip.tokenizer
        texts = [with_articles(t.replace('{}', name)) for name in self.names for t in templates]
        found = []
        for start in range(0, len(texts), batch):
            tokens = tokenizer(texts[start : start + batch], padding=True, truncation=True, return_tensors='pt')
            found.append(_embedding(model.get_text_features(**tokens.to(model.device))))
        each = F.normalize(torch.cat(found), dim=-1).unflatten(0, (len(self.names), len(templates)))
        return F.normalize(each.mean(1), dim=-1)

    @torch.no_grad()
    def probabilities(self, images: Tensor) -> Tensor:
        """Return the probability of each class, ``(N, C)``, rows summing to 1.

        Args:
            images: RGB in [-1, 1], ``(N, 3, H, W)``.
        """
        model = self.clip.model
        pixels = clip_pixels(images.to(model.device), model.config.vision_config.image_size)
        found = F.normalize(_embedding(model.get_image_features(pixel_values=pixels)), dim=-1)
        return (model.logit_scale.exp() * found @ self.texts.T).softmax(-1)

    def classify(self, images: Tensor) -> list[str]:
        """Return the group of each image's most probable class; without groups, the class itself.

        Args:
            images: RGB in [-1, 1], ``(N, 3, H, W)``.
        """
        return [self.groups[i] for i in self.probabilities(images).argmax(1).tolist()]


def clip_pixels(images: Tensor, side: int) -> Tensor:
    """Return images as CLIP sees them: resized, centre cropped, normalised, ``(N, 3, S, S)``.

    Args:
        images: RGB in [-1, 1], ``(N, 3, H, W)``.
        side: Side S of the model's input.
    """
    height, width = images.shape[-2:]
    short = min(height, width)
    size = (round(height * side / short), round(width * side / short))
    images = images.float()
    if size != (height, width):
        images = F.interpolate(images, size, mode='bicubic', align_corners=False, antialias=True).clamp(-1, 1)
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    cropped = images[..., top : top + side, left : left + side]
    mean, deviation = (torch.tensor(v, device=images.device).view(3, 1, 1) for v in (MEAN, DEVIATION))
    return ((cropped + 1) / 2 - mean) / deviation


def _embedding(output: Tensor | object) -> Tensor:
    """Return the projected embedding: a tensor in transformers 4, ``.pooler_output`` in 5."""
    return getattr(output, 'pooler_output', output)
