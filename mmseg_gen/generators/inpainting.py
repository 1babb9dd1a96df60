"""Background in place of an object: blended DDIM sampling under the background's prompt (fobadiffusion, Eq. 6).

A plain text-to-image model inpaints so: at every step the known latents, noised to that step, replace what lies outside
the mask (Avrahami et al., "Blended Diffusion", CVPR 2022).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmseg_gen.functional.canvas import resize_map
from mmseg_gen.functional.inpainting import blend, latent_mask
from mmseg_gen.functional.noise import add_noise, ddim_step

from .conditioning import Context
from .denoising import check_finite, ddim_steps
from .latents import decode_latents, encode_images, image_tensor
from .parts import Parts
from .two_prompt_sampling import guided_prediction


@torch.no_grad()
def inpaint_latents(
    parts: Parts,
    latents: Tensor,
    mask: Tensor,
    context: Context,
    seeds: Sequence[int],
    *,
    steps: int = 50,
    guidance: float = 1.0,
    opposite: Context | None = None,
) -> Tensor:
    """Return latents that are new inside the mask and unchanged outside, ``(N, C, h, w)`` float32.

    Args:
        parts: The model.
        latents: Scaled latents of the photos, ``(N, C, h, w)``.
        mask: Where to paint, ``(N, 1, h, w)`` in {0, 1}, from :func:`~mmseg_gen.functional.inpainting.latent_mask`.
        context: Condition of the N samples; "a photo of a background" in the paper.
        seeds: One for each photo, in [0, 2^63): its result does not depend on the others.
        steps: Number of steps; 50 in the paper.
        guidance: w of Eq. 10 away from ``opposite``; 1 in the authors' code.
        opposite: Condition of the object's prompt, of one or of N samples; not used with guidance 1.

    Raises:
        ValueError: Shapes or lengths do not fit, the model is a consistency model, or the result is not finite.
    """
    if mask.shape != (len(latents), 1, *latents.shape[2:]):
        raise ValueError(
            f'Expected `mask` of shape {(len(latents), 1, *latents.shape[2:])}, but got {tuple(mask.shape)}.'
        )
    if len(seeds) != len(latents):
        raise ValueError(f'Expected one of `seeds` for each of {len(latents)} photos, but got {len(seeds)}.')
    known, mask = latents.to(parts.device).float(), mask.to(parts.device).float()
    predict = guided_prediction(parts, known, context, opposite, guidance)
    generators = [torch.Generator().manual_seed(int(seed)) for seed in seeds]

    def noise() -> Tensor:
        drawn = [torch.randn(known.shape[1:], generator=generator) for generator in generators]
        return torch.stack(drawn).to(known.device)

    sample = noise()
    for step in ddim_steps(parts.scheduler, steps):
        sample = blend(sample, add_noise(known, noise(), step.noisy), mask)
        output = predict(sample, step.timestep)
        sample = ddim_step(sample, output, step.noisy, step.cleaner, parts.prediction_type)
    # The authors leave out this last blend; with it the outside is the photo's own latents.
    return check_finite(blend(sample, known, mask), 'inpainting')


def inpaint_photos(
    parts: Parts,
    photos: Sequence[np.ndarray],
    masks: Sequence[np.ndarray],
    size: tuple[int, int],
    context: Context,
    seeds: Sequence[int],
    **options,
) -> list[np.ndarray]:
    """Return photos with their masks painted over, each RGB uint8 at its photo's own size.

    Photo and mask are mapped to the model's canvas as a whole and back as a whole, so the result lies exactly on the
    photo, whatever its size and shape.

    Args:
        parts: The model.
        photos: RGB uint8, each ``(H, W, 3)`` of its own size.
        masks: Bool, each of its photo's size, or of any other grid over the whole photo.
        size: Height and width of the canvas in pixels, multiples of the model's ``latent_scale``.
        context: Condition of the N samples.
        seeds: One for each photo.
        **options: Of :func:`inpaint_latents`.

    Raises:
        ValueError: Lengths or ``size`` do not fit.
    """
    if not photos or len(masks) != len(photos):
        raise ValueError(f'Expected one of `masks` for each of at least one photo, but got {len(masks)}.')
    latents = encode_images(parts, canvas_tensor(photos, size))
    grid = (latents.shape[2], latents.shape[3])
    # From each mask's own grid: resizing it first would lose thin objects.
    cells = torch.cat([latent_mask(torch.from_numpy(np.asarray(m, bool))[None], grid) for m in masks])
    made = decode_latents(parts, inpaint_latents(parts, latents, cells, context, seeds, **options))
    pixels = ((made + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return [resize_map(own, photo.shape[:2]) for own, photo in zip(pixels, photos, strict=True)]


def canvas_tensor(photos: Sequence[np.ndarray], size: tuple[int, int]) -> Tensor:
    """Return photos on the model's canvas, RGB in [-1, 1], ``(N, 3, H, W)`` float32.

    Args:
        photos: RGB uint8, each of its own size.
        size: H and W of the canvas.
    """
    return image_tensor([resize_map(photo, size) for photo in photos])
