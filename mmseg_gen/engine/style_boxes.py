"""Where style mixing looks for objects: ``synthesis.generator.boxes``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from mmseg_gen.errors import UserError
from mmseg_gen.registry import GENERATORS


class BoxSource(Protocol):
    """Finds objects in an image."""

    def find(self, image: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return boxes ``(M, 4)`` in pixels and labels ``(M,)`` from 1 on, of an RGB uint8 image and its name."""


def box_source(config: Mapping[str, Any] | None, classes: Sequence[str], device: str) -> BoxSource | None:
    """Return what ``synthesis.generator.boxes`` describes; None for None.

    Args:
        config: A dict with ``type`` and settings.
        classes: What to look for; the label of the first is 1.
        device: Where a detector runs.

    Raises:
        UserError: There is no such type or setting, or its files are not there.
    """
    if config is None:
        return None
    import mmseg_gen.datasets.annotated_boxes
    import mmseg_gen.generators.detection  # noqa: F401  (both register what finds boxes)

    options = dict(config)
    kind = GENERATORS.get(options.pop('type'))
    if kind is None or not hasattr(kind, 'find'):
        raise UserError(
            'Expected the `type` of `synthesis.generator.boxes` from GroundingDinoBoxes, Owlv2Boxes, AnnotatedBoxes, '
            f'but got {config["type"]!r}.'
        )
    try:
        return kind.from_settings(classes, device, **options)
    except TypeError as error:
        raise UserError(f'Expected `synthesis.generator.boxes` with known settings, but got: {error}') from error
