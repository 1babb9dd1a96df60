"""What concept distillation trains on: whole photos, and rectangles of their backgrounds (fobadiffusion, App. B)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch.utils.data import Dataset

from mmseg_gen.datasets.image_reading import read_image
from mmseg_gen.datasets.listed import check_files
from mmseg_gen.errors import UserError
from mmseg_gen.functional.background_rectangle import RectangleSettings, draw_background_crop
from mmseg_gen.functional.photo_window import FITS, PhotoWindow, cells_in_window, draw_window, photo_in_window
from mmseg_gen.functional.preliminary import FOUND, PreliminaryPhoto, read_preliminary
from mmseg_gen.registry import DATASETS

# Places of the prompts, see ConceptDistiller.
FULL_IMAGE, BACKGROUND = 0, 1
# How a sample came about, in the order of their numbers; 'no_background' is a full image for want of a background.
SAMPLE_OUTCOMES = ('full_image', 'rectangle', 'whole_background', 'no_background')


@DATASETS.register_module()
class ConceptDataset(Dataset):
    """Samples without end, each a pure function of the seed and its number: take numbers from ``DrawSampler``.

    Photos come in random order, all once before any comes again. Only photos whose preliminary mask was found take
    part: without one, an object might be learnt as background. ``outcomes`` counts the photos by outcome.

    A sample is a dict: ``inputs`` RGB in [-1, 1], float32 ``(3, H, W)``; ``masks`` where its loss counts, float32
    ``(1, H / cell, W / cell)`` in {0, 1}; ``kinds`` 0 for the object's prompt or 1 for the background's; ``seeds`` for
    its noise; ``outcomes`` a number into ``SAMPLE_OUTCOMES``.

    Args:
        preliminary: Folder of preliminary masks, see :func:`~mmseg_gen.functional.preliminary.read_preliminary`.
        photos_root: What relative paths of photos start from.
        canvas: Height and width that the generator sees, in pixels.
        cell: Pixels per latent: 8 for Stable Diffusion, 4 for the embedded model.
        background_share: Probability of a background, in [0, 1]; one half in the paper.
        fit: How a photo lies on the canvas, see :func:`~mmseg_gen.functional.photo_window.draw_window`.
        flip: Probability of mirroring; one half in the authors' code.
        rectangle: Settings of :class:`~mmseg_gen.functional.background_rectangle.RectangleSettings`; the authors' by
            default.
        seed: Decides every sample, in [0, 2^63).

    Raises:
        ValueError: An argument is out of range.
        UserError: The manifest is missing or damaged, or a photo or a mask is; or no photo has a mask.
    """

    # MMEngine's loops look for it; there are no classes to name.
    metainfo: ClassVar[dict] = {}

    def __init__(
        self,
        preliminary: str,
        photos_root: str = '',
        *,
        canvas: tuple[int, int] = (512, 512),
        cell: int = 8,
        background_share: float = 0.5,
        fit: str = 'stretch',
        flip: float = 0.5,
        rectangle: dict[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        if not 0 <= background_share <= 1:
            raise ValueError(f'Expected `background_share` in [0, 1], but got {background_share}.')
        if cell < 1 or len(canvas) != 2 or min(canvas) < cell or any(side % cell for side in canvas):
            raise ValueError(f'Expected `canvas` of two multiples of `cell` {cell}, but got {tuple(canvas)}.')
        if fit not in FITS or not 0 <= flip <= 1:
            raise ValueError(f'Expected `fit` from {", ".join(FITS)} and `flip` in [0, 1], but got {fit!r} and {flip}.')
        self.canvas, self.cell, self.fit, self.flip = (int(canvas[0]), int(canvas[1])), cell, fit, flip
        self.background_share, self.seed = background_share, seed
        self.rectangle = RectangleSettings(**(rectangle or {}))
        photos = read_preliminary(Path(preliminary), Path(photos_root))
        self.outcomes = dict(sorted(Counter(photo.outcome for photo in photos).items()))
        self.photos = [photo for photo in photos if photo.outcome == FOUND]
        self._check_photos(preliminary)
        self._order: tuple[int, np.ndarray] | None = None

    def _check_photos(self, preliminary: str) -> None:
        if not self.photos:
            raise UserError(
                f'Expected at least one photo with a preliminary mask in {preliminary}, but got {self.outcomes}; check '
                'that the photos show the object and that the prompt names it.'
            )
        cure = 'Make the preliminary masks again, or set `photos_root`.'
        check_files((str(p.image) for p in self.photos), f'the photos of {preliminary}', cure)
        check_files((str(p.mask) for p in self.photos), f'a mask for each photo found in {preliminary}', cure)

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, number: int) -> dict[str, Any]:
        photo = self.photo_of(number)
        rng = np.random.default_rng([self.seed, 0, number])
        wants_background = rng.random() < self.background_share
        seed = int(rng.integers(2**63))
        pixels = read_image(photo.image)
        window = draw_window(pixels.shape[:2], self.canvas, rng, fit=self.fit, flip=self.flip)
        mask, outcome = self._mask(photo, window, rng) if wants_background else (None, 'full_image')
        if mask is None:
            mask = np.ones([side // self.cell for side in self.canvas], bool)
        inputs = torch.from_numpy(photo_in_window(pixels, window)).permute(2, 0, 1).float() / 127.5 - 1
        return dict(
            inputs=inputs,
            masks=torch.from_numpy(mask)[None].float(),
            kinds=BACKGROUND if outcome in ('rectangle', 'whole_background') else FULL_IMAGE,
            seeds=seed,
            outcomes=SAMPLE_OUTCOMES.index(outcome),
        )

    def photo_of(self, number: int) -> PreliminaryPhoto:
        """Return the photo of a sample: a new random order for each round."""
        turn, place = divmod(int(number), len(self.photos))
        if self._order is None or self._order[0] != turn:
            self._order = turn, np.random.default_rng([self.seed, 1, turn]).permutation(len(self.photos))
        return self.photos[self._order[1][place]]

    def _mask(
        self, photo: PreliminaryPhoto, window: PhotoWindow, rng: np.random.Generator
    ) -> tuple[np.ndarray | None, str]:
        """Return where a background's loss counts and the outcome; no mask where there is no background."""
        foreground = cells_in_window(read_image(photo.mask).any(-1), window, self.cell)
        crop = draw_background_crop(foreground, rng, self.rectangle)
        return (None if crop.outcome == 'no_background' else crop.mask), crop.outcome
