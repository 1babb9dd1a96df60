"""Names that keep the Runners of one process apart."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.config import Config

_RUNS = itertools.count(1)


def name_run(config: Config, name: str) -> None:
    """Name the run of a config and its visualizer: the first of a process as given, later ones with their number.

    MMEngine keeps loggers, scores and visualizers by name as long as the process lives, and adds no more to the name
    than the second of the start: of two short tests, the second would report scores of the first as its own.

    Args:
        config: Of the Runner that is about to be built; changed in place.
        name: Such as the stem of the config's file.
    """
    number = next(_RUNS)
    config.experiment_name = name if number == 1 else f'{name}-{number}'
    if config.get('visualizer'):
        config.visualizer.name = config.experiment_name
