"""Segmentors whose checkpoint is theirs: MMEngine only logs what does not fit, and leaves it at random numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmseg_gen.errors import UserError
from mmseg_gen.generators.structure import check_weights

if TYPE_CHECKING:
    from mmengine.config import Config
    from torch import nn

_CURE = 'give the config that it was trained with'


def check_fit(model: nn.Module, checkpoint: Mapping[str, Any], name: str) -> None:
    """Refuse a checkpoint that leaves weights of a segmentor unset; it may hold more than the segmentor has.

    Args:
        model: The segmentor, also inside a wrapper for several processes or for test-time augmentation.
        checkpoint: As MMEngine writes it, or a bare ``state_dict``.
        name: Of the checkpoint, for the error.

    Raises:
        UserError: Weights are missing or have another shape; the text names the first ones.
    """
    from mmengine.model import BaseTTAModel, is_model_wrapper

    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    given = {key.removeprefix('module.'): value for key, value in checkpoint.get('state_dict', checkpoint).items()}
    own = model.state_dict()
    # MMEngine forgives this counter too: it is used in training only.
    missing = [key for key in own if key not in given and not key.endswith('num_batches_tracked')]
    reshaped = [(key, given[key].shape, own[key].shape) for key in own if key in given]
    check_weights(name, missing, (), [row for row in reshaped if row[1] != row[2]], _CURE)


def load_segmentor(config: Config, checkpoint: str, device: str) -> nn.Module:
    """Return MMSegmentation's ``init_model`` of a config and a checkpoint that fits it.

    Raises:
        UserError: A type is unknown, the checkpoint is not one of MMEngine's or of another model, or there is no such
            device.
    """
    from mmengine.runner import CheckpointLoader
    from mmseg.apis import init_model

    from mmseg_gen.engine.launch import known_types_only
    from mmseg_gen.generators.parts import checked_device

    checked_device(device)
    try:
        with known_types_only():
            model = init_model(config, checkpoint, device=device)
    except KeyError as error:
        raise UserError(f'Expected {checkpoint} to be a checkpoint of MMEngine, but it lacks {error}.') from error
    check_fit(model, CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu'), checkpoint)
    return model
