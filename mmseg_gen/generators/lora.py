"""Low-rank adapters on a UNet's attention (LoRA, Hu et al., ICLR 2022), through peft."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmseg_gen.errors import UserError

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel

# What diffusers' own training scripts adapt.
ATTENTION = ('to_q', 'to_k', 'to_v', 'to_out.0')


def add_lora(
    unet: UNet2DConditionModel, rank: int, *, alpha: float | None = None, targets: Sequence[str] = ATTENTION
) -> None:
    """Put adapters on a UNet, in place: they alone have gradients then, and at first they change nothing.

    Args:
        unet: The network.
        rank: Rank of every adapter, at least 1.
        alpha: The adapters' sum is scaled by alpha / rank; None for ``rank``.
        targets: Ends of the names of the layers to adapt.

    Raises:
        ValueError: ``rank`` is below 1, or no layer has such a name.
        UserError: peft is not installed.
    """
    if rank < 1:
        raise ValueError(f'Expected `rank` to be 1 or more, but got {rank}.')
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise UserError(
            f"Expected peft for `lora`, but importing it failed ({error}); pip install 'mmseg_gen[lora]', or leave "
            '`lora` out to train all weights.'
        ) from error
    names = [name for name, _ in unet.named_modules()]
    if not any(name == own or name.endswith(f'.{own}') for own in targets for name in names):
        raise ValueError(f"Expected `targets` to name layers of the UNet, such as 'to_q', but got {list(targets)}.")
    unet.requires_grad_(False)
    unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank if alpha is None else alpha, target_modules=list(targets)))


def merge_lora(unet: UNet2DConditionModel) -> None:
    """Add a UNet's adapters to its weights and take them off, in place: the same network without peft."""
    unet.fuse_lora()
    unet.unload_lora()
