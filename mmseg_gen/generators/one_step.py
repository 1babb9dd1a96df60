"""One step of noising and denoising: what the model makes of an image at one time (G4Seg, Eq. 2)."""

from __future__ import annotations

from torch import Tensor

from mmseg_gen.functional.noise import add_noise, split_prediction

from .conditioning import Context
from .denoising import check_finite, check_inputs, unet_output
from .parts import Parts


def regenerate_latents(parts: Parts, latents: Tensor, context: Context, noise: Tensor, timestep: int) -> Tensor:
    """Return the clean latents predicted from the noised ones in one call of the UNet, ``(N, C, h, w)`` float32.

    Differentiable; wrap it in ``torch.no_grad`` where no gradient is asked for. 'epsilon' and 'v_prediction' alike.

    Args:
        parts: The model; attention hooks of the caller are in place.
        latents: Scaled latents of the images, ``(N, C, h, w)``.
        context: Condition of the N samples.
        noise: Standard normal, like ``latents``.
        timestep: t in [0, number of training steps); 400 in the paper.

    Raises:
        ValueError: Shapes or ``timestep`` do not fit, or the result is not finite.
    """
    check_inputs(parts, latents, context)
    check_timestep(parts, timestep)
    if noise.shape != latents.shape:
        raise ValueError(f'Expected `noise` of shape {tuple(latents.shape)}, but got {tuple(noise.shape)}.')
    level = parts.alphas_cumprod[timestep].float()
    noised = add_noise(latents.to(parts.device).float(), noise.to(parts.device).float(), level)
    output = unet_output(parts, noised, timestep, context)
    clean, _ = split_prediction(noised, output, level, parts.prediction_type)
    return check_finite(clean, 'one step of denoising')


def check_timestep(parts: Parts, timestep: int) -> None:
    """Refuse a time step that the model's schedule does not have.

    Raises:
        ValueError: It is out of range.
    """
    total = parts.scheduler.config.num_train_timesteps
    if not 0 <= timestep < total:
        raise ValueError(f'Expected `timestep` in [0, {total}), but got {timestep}.')
