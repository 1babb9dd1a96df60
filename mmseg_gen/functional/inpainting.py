"""From an image and the same image without its object to the object's mask (fobadiffusion, Eq. 5-6, App. E)."""

from __future__ import annotations

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from .background_rectangle import largest_rectangle
from .canvas import check_image


def latent_mask(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the cells that masks touch, ``(N, 1, h, w)`` float32 in {0, 1}.

    A cell that the mask touches anywhere is replaced whole: an average would leave the object's rim in the image. Works
    to finer grids too.

    Args:
        masks: Bool ``(N, H, W)``.
        size: h and w, the grid of the latents.

    Raises:
        ValueError: ``masks`` has another shape.
    """
    if masks.ndim != 3:
        raise ValueError(f'Expected `masks` of shape (N, H, W), but got {tuple(masks.shape)}.')
    return F.adaptive_max_pool2d(masks[:, None].float(), size)


def blend(made: Tensor, known: Tensor, mask: Tensor) -> Tensor:
    """Return what was made inside the mask and what is known outside (Eq. 6).

    Args:
        made: ``(N, C, h, w)``.
        known: Same shape.
        mask: ``(N, 1, h, w)`` in [0, 1].
    """
    return known * (1 - mask) + made * mask


def difference_map(image: np.ndarray, inpainted: np.ndarray) -> np.ndarray:
    """Return the mean over the colours of the absolute difference, float32 ``(H, W)`` in [0, 1].

    Args:
        image: RGB uint8 ``(H, W, 3)``.
        inpainted: The same image without the object, same shape.

    Raises:
        TypeError: One is not uint8.
        ValueError: The shapes differ.
    """
    check_image(image)
    check_image(inpainted)
    if image.shape != inpainted.shape:
        raise ValueError(f'Expected `inpainted` of shape {image.shape}, like the image, but got {inpainted.shape}.')
    return np.abs(image.astype(np.float32) - inpainted).mean(2) / 255


def fill_with_background(image: np.ndarray, mask: np.ndarray, min_side: int = 2) -> np.ndarray | None:
    """Return the image with its largest rectangle of background mirrored over the object; None where there is none.

    The baseline M_crop (App. E), for :func:`difference_map` in place of an inpainting model.

    Args:
        image: RGB uint8 ``(H, W, 3)``.
        mask: Preliminary mask, bool ``(H, W)``.
        min_side: Least sides of the rectangle.

    Raises:
        TypeError: ``image`` is not uint8.
        ValueError: The shapes differ.
    """
    check_image(image)
    if mask.shape != image.shape[:2]:
        raise ValueError(f'Expected `mask` of shape {image.shape[:2]}, but got {mask.shape}.')
    crop = largest_rectangle(~np.asarray(mask, bool), min_side)
    if crop is None:
        return None
    height, width = mask.shape
    around = ((crop.top, height - crop.bottom), (crop.left, width - crop.right), (0, 0))
    # Mirrored at the crop's own edges, so that no seam runs along them.
    mirrored = np.pad(image[crop.slices], around, mode='symmetric')
    return np.where(mask[..., None], mirrored, image)
