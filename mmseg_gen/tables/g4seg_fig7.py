"""G4Seg, Fig. 7 and 9 in numbers: are correspondences right? Known shifts of an image give the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmseg_gen.functional.correspondence import match_features
from mmseg_gen.functional.feature_grid import stack_features
from mmseg_gen.generators.latents import decode_latents, encode_images, image_tensor
from mmseg_gen.generators.regeneration import Regenerator
from mmseg_gen.registry import FEATURE_EXTRACTORS
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Claim, Paper, Row, Scores
from mmseg_gen.tables.refinement import embedded_parts
from mmseg_gen.tables.scenes import labelled_scenes

TITLE = 'Correspondences under known shifts'
SIDE, TOLERANCE, TIMESTEP = 32, 1.5, 400
EXTRACTORS: dict[str, dict[str, Any]] = {
    'CLIP values': dict(type='ClipValues'),
    'CLIP values, twice the size': dict(type='ClipValues', scale=2.0),
    'diffusion maps, t = 100': dict(type='DiffusionMaps', timestep=100),
    'diffusion maps, t = 300': dict(type='DiffusionMaps', timestep=300),
    'latents': dict(type='LatentMaps'),
    'colours': dict(type='Colors'),
}
AGAIN = ', made again'
PAPER = Paper(source='G4Seg, Fig. 7 and 9: pictures, no numbers', columns=('share right',), rows={})
CLAIMS = [Claim('diffusion maps, t = 100', 'CLIP values', 'matched')]
NOTE = (
    "The image is shifted by 8 pixels; in rows 'made again' the shifted image is also noised to t = 400 and denoised "
    'in one step, without injection. The grid has 32 x 32 cells.'
)


def run(context: Context) -> list[Row]:
    """Return a row per extractor, for the shifted image and for its regeneration."""
    scenes = labelled_scenes(context.choose(100, 10))
    images = image_tensor([s.image for s in scenes])
    masks = [s.mask for s in scenes]
    names = [s.class_name for s in scenes]
    rows = []
    for again in (False, True):
        for name, config in EXTRACTORS.items():
            label = name + (AGAIN if again else '')
            settings = {'scenes': len(scenes), 'extractor': config, 'again': again, 'side': SIDE}
            rows.append(
                context.row(
                    label, settings, lambda c=config, a=again: Scores({'matched': accuracy(images, masks, names, c, a)})
                )
            )
    return rows


@torch.no_grad()
def accuracy(
    images: Tensor,
    masks: Sequence[np.ndarray],
    names: Sequence[str],
    config: Mapping[str, Any],
    again: bool,
    shift: int = 8,
) -> np.ndarray:
    """Return, for each image, the share of object pixels that are matched rightly, float64 ``(N,)``.

    Args:
        images: RGB in [-1, 1], ``(N, 3, H, W)``.
        masks: Of the objects, bool ``(H, W)``.
        names: Their classes.
        config: Of a feature extractor.
        again: Whether the shifted image is regenerated first.
        shift: To the right, in pixels; what leaves comes in again on the left.
    """
    parts, extract = embedded_parts(), FEATURE_EXTRACTORS.build(dict(config))
    found = []
    for image, mask, name in zip(images, masks, names, strict=True):
        moved = image.roll(shift, dims=2)[None]
        if again:
            regenerator = Regenerator(parts, timestep=TIMESTEP, injection=None)
            empty = torch.zeros(1, *mask.shape)
            made = regenerator.regenerate(encode_images(parts, moved), empty, regenerator.prompts([name]), [0])
            moved = decode_latents(parts, made[:, 0])
        features = stack_features([extract(parts, torch.cat([image[None], moved]))], (SIDE, SIDE))
        found.append(_share_right(features[0], features[1], mask, shift))
    return np.array(found)


def _share_right(original: Tensor, moved: Tensor, mask: np.ndarray, shift: int) -> float:
    cell = mask.shape[1] / SIDE
    small = torch.from_numpy(mask)[None, None].float()
    inside = torch.nn.functional.interpolate(small, (SIDE, SIDE), mode='area')[0, 0] > 0.5
    columns = (torch.nonzero(inside)[:, 1] + shift / cell).long() % SIDE
    rows = torch.nonzero(inside)[:, 0]
    matches = match_features(moved.flatten(1).T, original.flatten(1).T, rows * SIDE + columns, (SIDE, SIDE))
    index = matches.index[:, 0]
    offset = torch.stack([index // SIDE - rows, index % SIDE - torch.nonzero(inside)[:, 1]]).float().norm(dim=0)
    return float((offset <= TOLERANCE).float().mean())
