"""What the tables of style mixing share: images of the embedded StyleGAN2 with exact masks, stacks, and scores."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmseg_gen.functional.array_files import write_array
from mmseg_gen.functional.region_counts import confusion_matrix
from mmseg_gen.functional.style_clustering import ClusterSettings, TooFewColors
from mmseg_gen.functional.style_foreground import FOUND, ForegroundSettings, label_styles
from mmseg_gen.functional.style_stack import StyleStack
from mmseg_gen.functional.trimap import trimap_band
from mmseg_gen.generators.embedded.gan_masks import exact_masks
from mmseg_gen.generators.style_mixing import random_styles, style_stack, to_pixels
from mmseg_gen.generators.stylegan2 import StyleGan2, load_stylegan2
from mmseg_gen.tables.configs import load_config
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Row, Scores

CONFIG = 'embedded_stylemix.py'
HELD_OUT = 1_000_000
# Variations of an image, the paper's n.
COUNT = 50
_CLUSTERING = tuple(f.name for f in fields(ClusterSettings))


@dataclass(frozen=True)
class DrawnImage:
    """An image of the generator, its styles, and its exact mask.

    Attributes:
        image: RGB uint8 ``(H, W, 3)``.
        styles: ``(1, L, D)``.
        mask: Bool ``(H, W)``.
        seed: Of its z, and of its variations.
    """

    image: np.ndarray
    styles: Tensor
    mask: np.ndarray
    seed: int


@dataclass(frozen=True)
class StyleSetting:
    """One way to label images.

    Attributes:
        cutoff: c.
        count: n.
        labelling: Fields of ``ClusterSettings`` and ``ForegroundSettings``.
    """

    cutoff: int
    count: int
    labelling: Mapping[str, Any]


def drawn_images(model: StyleGan2, count: int, first_seed: int, truncation: float) -> list[DrawnImage]:
    """Return images of consecutive seeds.

    Args:
        model: The embedded generator.
        count: Number of images.
        first_seed: ``HELD_OUT`` to judge by, that of another range to choose settings on.
        truncation: Of the images' styles.
    """
    found = []
    for seed in range(first_seed, first_seed + count):
        styles = random_styles(model, 1, seed=seed, truncation=truncation)
        with torch.no_grad():
            image = to_pixels(model.synthesis(styles))[0]
        found.append(DrawnImage(image, styles, exact_masks(styles)[0].numpy() > 0, seed))
    return found


def variations(model: StyleGan2, drawn: DrawnImage, cutoff: int, truncation: float, count: int = COUNT) -> StyleStack:
    """Return the stack of an image, a function of its seed."""
    # Another stream than the image's own z.
    seed = drawn.seed + 2**31
    return style_stack(model, drawn.styles, cutoff=cutoff, count=count, seed=seed, truncation=truncation, batch=25)


def label(stack: StyleStack, image: np.ndarray, setting: StyleSetting) -> np.ndarray | None:
    """Return the mask of an image, bool ``(H, W)``, or None where there is no confident foreground."""
    clustering, foreground = _settings(setting.labelling)
    try:
        found = label_styles(StyleStack(stack.images[: setting.count]), image, clustering, foreground)
    except TooFewColors:
        return None
    return found.labels > 0 if found.outcome == FOUND else None


def style_scores(masks: Sequence[np.ndarray | None], truths: Sequence[np.ndarray]) -> Scores:
    """Return the scores of masks; a missing one counts as empty, except in ``miou_found``.

    Args:
        masks: Bool ``(H, W)``, or None where an image was dropped.
        truths: Bool ``(H, W)``.
    """
    found = np.array([mask is not None for mask in masks], float)
    given = [np.zeros_like(t) if m is None else m for m, t in zip(masks, truths, strict=True)]
    confusions = np.stack([confusion_matrix(m, t, 2) for m, t in zip(given, truths, strict=True)])
    each = _class_ious(confusions)
    mean = each.mean(1)
    return Scores(
        means={'miou': mean, 'iou': each[:, 1], 'iou_bg': each[:, 0], 'found': found},
        ratios={'miou_found': np.stack([mean * found, found], 1)[:, None]},
    )


def trimap_scores(masks: Sequence[np.ndarray], truths: Sequence[np.ndarray], width: int = 3) -> Scores:
    """Return :func:`style_scores` with the pooled mean IoU over the image and over a band along the border."""
    plain = style_scores(list(masks), truths)
    pooled = {'miou_pooled': np.ones_like(truths, bool), 'trimap_miou': [trimap_band(t, width) for t in truths]}
    ratios = {
        name: np.stack(
            [_fractions(confusion_matrix(m[b], t[b], 2)) for m, t, b in zip(masks, truths, bands, strict=True)]
        )
        for name, bands in pooled.items()
    }
    return Scores({'miou': plain.means['miou'], 'iou': plain.means['iou'], 'iou_bg': plain.means['iou_bg']}, ratios)


class StyleImages:
    """Held-out images of the embedded generator, with their stacks kept on disk while a table is made.

    Args:
        context: The table's run.
        count: Number of images.
    """

    def __init__(self, context: Context, count: int) -> None:
        self.context, self.model, self.digest = context, load_stylegan2('embedded'), gan_digest()
        self.truncation = committed_setting()[1]
        self.images = drawn_images(self.model, count, HELD_OUT, self.truncation)

    def row(self, name: str, setting: StyleSetting) -> Row:
        """Return the row of one setting."""
        identity = {'gan': self.digest, 'images': len(self.images), 'truncation': self.truncation, **asdict(setting)}
        return self.context.row(name, json.loads(json.dumps(identity)), lambda: self._scores(setting))

    def _scores(self, setting: StyleSetting) -> Scores:
        masks = [label(self._stack(drawn, setting.cutoff), drawn.image, setting) for drawn in self.images]
        return style_scores(masks, [drawn.mask for drawn in self.images])

    def _stack(self, drawn: DrawnImage, cutoff: int) -> StyleStack:
        folder = f'{cutoff}-{self.truncation}'
        path = self.context.shared('stacks', self.digest[:12], folder, f'{drawn.seed}.npy')
        if not path.is_file():
            write_array(path, variations(self.model, drawn, cutoff, self.truncation).images)
        return StyleStack(np.load(path, allow_pickle=False))


def committed_setting() -> tuple[StyleSetting, float]:
    """Return the setting and the truncation of configs/embedded_stylemix.py."""
    section = load_config(CONFIG).synthesis.to_dict()
    generator = section['generator']
    labelling = {key: value for key, value in section['labeller'].items() if key != 'type'}
    return StyleSetting(generator['cutoff'], generator['count'], labelling), generator['truncation']


def gan_digest() -> str:
    """Return a SHA-256 over the embedded StyleGAN2's weights."""
    digest = hashlib.sha256()
    for name, tensor in sorted(load_stylegan2('embedded').state_dict().items()):
        digest.update(name.encode('utf-8') + tensor.float().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _settings(labelling: Mapping[str, Any]) -> tuple[ClusterSettings, ForegroundSettings]:
    own = {key: value for key, value in labelling.items() if key in _CLUSTERING}
    rest = {key: value for key, value in labelling.items() if key not in _CLUSTERING}
    return ClusterSettings(**own), ForegroundSettings(**rest)


def _fractions(confusion: np.ndarray) -> np.ndarray:
    """Return intersection and union of background and foreground, ``(2, 2)``."""
    hits = np.diag(confusion)
    return np.stack([hits, confusion.sum(0) + confusion.sum(1) - hits], 1)


def _class_ious(confusions: np.ndarray) -> np.ndarray:
    """Return IoU of background and foreground ``(N, 2)``; 1 for one that is in neither map."""
    fractions = np.stack([_fractions(confusion) for confusion in confusions]).astype(float)
    return np.divide(
        fractions[..., 0], fractions[..., 1], out=np.ones(fractions.shape[:2]), where=fractions[..., 1] > 0
    )
