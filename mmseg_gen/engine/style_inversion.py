"""Photographs as latents of a StyleGAN2: the square in the middle, by optimisation and, where given, an encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from mmseg_gen.datasets.image_reading import check_photo, read_image
from mmseg_gen.errors import UserError
from mmseg_gen.functional.canvas import resize_map
from mmseg_gen.functional.square import Square, middle_square
from mmseg_gen.generators.gan_encoding import check_encoder, encode_images, load_encoder
from mmseg_gen.generators.gan_inversion import Inversion, InversionSettings, invert_images
from mmseg_gen.generators.latents import image_tensor
from mmseg_gen.generators.residual_encoder import ResidualEncoder
from mmseg_gen.generators.stylegan2 import StyleGan2


@dataclass(frozen=True)
class Latents:
    """What one image is made from, and the square of the photograph that it stands for.

    Attributes:
        image: RGB uint8 ``(R, R, 3)``; of a photograph its own pixels.
        styles: ``(1, L, D)``.
        noise: As the generator takes it.
        seen: What objects are looked for in: the image, or the whole photograph.
        square: Top, left and side of the square in the photograph; None where the image was drawn.
        loss: Of the inversion; None where there was none.
    """

    image: np.ndarray
    styles: Tensor
    noise: Any
    seen: np.ndarray
    square: Square | None = None
    loss: float | None = None


@dataclass(frozen=True)
class PhotoInverter:
    """What ``synthesis.generator.inversion`` describes.

    Attributes:
        model: The generator.
        settings: Of the optimisation.
        encoder: Gives the styles that it starts from; None starts at the mean style.
        encoder_steps: Corrections of the encoder.
    """

    model: StyleGan2
    settings: InversionSettings
    encoder: ResidualEncoder | None = None
    encoder_steps: int = 1

    @classmethod
    def of(cls, model: StyleGan2, config: Mapping[str, Any]) -> PhotoInverter:
        """Return what a config describes: fields of `InversionSettings`, ``encoder``, ``encoder_steps``.

        Raises:
            UserError: A setting is unknown or out of range, or the encoder is not there or another generator's.
        """
        options = dict(config)
        path, steps = options.pop('encoder', None), options.pop('encoder_steps', 1)
        try:
            encoder = None if path is None else load_encoder(path, model.mapping.mean_style.device)
            if encoder is not None:
                check_encoder(model, encoder, steps)
            return cls(model, InversionSettings(**options), encoder, steps)
        except (TypeError, ValueError, FileNotFoundError) as error:
            raise UserError(
                f'Expected `synthesis.generator.inversion` with usable settings, but got: {error}'
            ) from error

    def __call__(self, photos: Sequence[np.ndarray]) -> list[Latents]:
        """Return the latents of photographs, RGB uint8 ``(H, W, 3)`` each."""
        side = self.model.config.resolution
        squares = [middle_square((photo.shape[0], photo.shape[1])) for photo in photos]
        images = [
            resize_map(photo[top : top + length, left : left + length], (side, side))
            for photo, (top, left, length) in zip(photos, squares, strict=True)
        ]
        found = self._invert(image_tensor(images))
        return [
            Latents(
                images[i],
                found.styles[i : i + 1],
                [noise[i : i + 1] for noise in found.noise],
                photos[i],
                squares[i],
                float(found.losses[-1, i]),
            )
            for i in range(len(photos))
        ]

    def _invert(self, targets: Tensor) -> Inversion:
        if self.encoder is None:
            return invert_images(self.model, targets, self.settings)
        start = encode_images(self.model, targets, self.encoder, steps=self.encoder_steps)
        return invert_images(self.model, targets, self.settings, start=start.styles)


def read_photo(path: Path) -> np.ndarray:
    """Return a photograph, RGB uint8 ``(H, W, 3)``.

    Raises:
        ValueError: It cannot be read, or is too small.
    """
    try:
        return check_photo(read_image(path))
    except (UserError, OSError) as error:
        # One bad photograph is a dropped sample, not the end of the run.
        raise ValueError(str(error)) from error
