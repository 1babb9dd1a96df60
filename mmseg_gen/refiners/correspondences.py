"""What G4Seg's alignment sees, to be looked at: the image made again, and where its pixels find their like (Fig. 7, 9).

Shape letters: ``(H, W)`` the image, ``(H', W')`` the generator's canvas, M points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mmseg_gen.functional.canvas import resize_map
from mmseg_gen.functional.confusion import confusion_band
from mmseg_gen.functional.correspondence import match_features
from mmseg_gen.generators.latents import decode_latents
from mmseg_gen.refiners.contract import check_refiner_input, hard_labels
from mmseg_gen.refiners.updates import canvas_masks, paired_features, regeneration

if TYPE_CHECKING:
    from mmseg_gen.refiners.g4seg import G4Seg


@dataclass(frozen=True, eq=False)
class Correspondence:
    """The matches of one class.

    Attributes:
        name: The class.
        generated: The image made again under the class's mask, RGB uint8 ``(H', W', 3)``.
        places: Points of it, rows and columns as shares of its sides in (0, 1), float ``(M, 2)``.
        matches: The points of the image that they match, likewise.
        before: The class's mask before the refinement, bool ``(H, W)``.
        after: And after it.
    """

    name: str
    generated: np.ndarray
    places: np.ndarray
    matches: np.ndarray
    before: np.ndarray
    after: np.ndarray


def find_correspondences(
    refiner: G4Seg,
    image: np.ndarray,
    probabilities: np.ndarray,
    refined: np.ndarray,
    classes: Sequence[str],
    *,
    points: int = 15,
    seed: int = 0,
) -> list[Correspondence]:
    """Return the correspondences of every class that is refined, as the first noise sample gives them.

    Points are drawn among the pixels in doubt, which are those that are matched; a class without any has none.

    Args:
        refiner: Of update 'mix', which is the one that matches.
        image: RGB uint8 ``(H, W, 3)``.
        probabilities: ``(C, H, W)`` with C > 1, summing to 1.
        refined: What the refiner made of them, likewise.
        classes: C names.
        points: Largest number of points per class; 15 in Fig. 9.
        seed: Of the choice of points.

    Raises:
        ValueError: The refiner is another, or the inputs do not fit, see ``check_refiner_input``.
    """
    if getattr(refiner, 'update', None) != 'mix':
        kind, update = type(refiner).__name__, getattr(refiner, 'update', None)
        raise ValueError(f"Expected G4Seg with update='mix', which matches pixels, but got {kind} (update {update!r}).")
    for values in (probabilities, refined):
        check_refiner_input(image, values, classes)
    before, after = hard_labels(probabilities), hard_labels(refined)
    chosen = refiner.chosen_classes(before, list(classes))
    if not chosen:
        return []
    values = np.clip(probabilities[chosen], 0, 1).astype(np.float32)
    pictures, features, original = _regenerated(refiner, image, values, [classes[c] for c in chosen])
    rng, found = np.random.default_rng(seed), []
    for c, probability, picture, generated in zip(chosen, values, pictures, features, strict=True):
        band = confusion_band(probability, before == c, refiner.band)
        places, matches = _matched_points(refiner, band, generated, original, points, rng)
        found.append(Correspondence(classes[c], picture, places, matches, before == c, after == c))
    return found


def _regenerated(
    refiner: G4Seg, image: np.ndarray, values: np.ndarray, names: list[str]
) -> tuple[np.ndarray, Tensor, Tensor]:
    """Return each class's image made again, its features ``(B, C, h, w)``, and those of the image ``(C, h, w)``."""
    with torch.no_grad():
        subject = refiner.subject(image, names)
        made = regeneration(refiner, subject)(canvas_masks(values, subject), 0)[:, :1]
        features, original = paired_features(refiner, subject, made)
        decoded = decode_latents(refiner.regenerator.parts, made[:, 0]).permute(0, 2, 3, 1).cpu().numpy()
    pictures = np.round((decoded.clip(-1, 1) + 1) * 127.5).astype(np.uint8)
    return pictures, features[:, 0], original


def _matched_points(
    refiner: G4Seg, band: np.ndarray, features: Tensor, original: Tensor, points: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    grid = (original.shape[1], original.shape[2])
    touched = np.flatnonzero(resize_map(band.astype(np.float32), grid) > 0)
    drawn = np.sort(rng.permutation(touched)[:points])
    queries = torch.from_numpy(drawn).to(original.device)
    matches = match_features(features.flatten(1).T, original.flatten(1).T, queries, grid, refiner.matching)
    index = matches.index[:, 0].cpu().numpy()
    known = index >= 0
    return _shares(drawn[known], grid), _shares(index[known], grid)


def _shares(index: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Return the centres of cells as shares of the sides."""
    return (np.stack([index // grid[1], index % grid[1]], 1) + 0.5) / np.array(grid)
