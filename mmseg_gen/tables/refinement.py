"""Rows of the G4Seg tables: a refiner's config by dotted settings, and its scores on coarse scenes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from tqdm import tqdm

from mmseg_gen.generators.embedded.corpus import HELD_OUT_SEED
from mmseg_gen.generators.parts import Parts, load_parts
from mmseg_gen.refiners import Refiner
from mmseg_gen.registry import REFINERS
from mmseg_gen.tables.coarse_scenes import CoarseScene, coarse_scenes
from mmseg_gen.tables.configs import load_config
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Row, Scores

CONFIG = 'tables/refinement.py'
BASELINE = 'baseline'


@lru_cache(maxsize=1)
def embedded_parts() -> Parts:
    """Return the embedded models, loaded once."""
    return load_parts('embedded')


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with dotted names as nested dictionaries.

    Example:
        >>> nested({'type': 'G4Seg', 'band.low': 0.2, 'band.high': 0.6})
        {'type': 'G4Seg', 'band': {'low': 0.2, 'high': 0.6}}
    """
    result: dict[str, Any] = {}
    for name, value in settings.items():
        *path, last = name.split('.')
        target = result
        for key in path:
            target = target.setdefault(key, {})
        target[last] = value
    return result


def build(settings: Mapping[str, Any]) -> Refiner:
    """Return the refiner of a row; G4Seg on the embedded models, loaded once."""
    config = nested(settings)
    if 'refiners' in config:
        config['refiners'] = [build(item) for item in config['refiners']]
    if config['type'] == 'G4Seg':
        config['generator'] = embedded_parts()
    return REFINERS.build(config)


def scene_ious(refiner: Refiner | None, scenes: Sequence[CoarseScene], name: str = '') -> np.ndarray:
    """Return each scene's IoU, the mean over its objects, float64 ``(N,)``; None leaves the masks as they are."""
    found = []
    for scene in tqdm(scenes, desc=name or None, unit='scene', disable=None):
        probabilities = scene.probabilities
        if refiner is not None:
            probabilities = refiner(scene.image, probabilities, scene.classes)
        found.append(np.mean(scene.ious(probabilities.argmax(0))))
    return np.array(found, np.float64)


def committed_settings() -> dict[str, dict[str, Any] | None]:
    """Return the settings of every row of the committed config; those chosen by the search where there are any."""
    plain = load_config(CONFIG).to_dict()
    chosen = plain.get('chosen', {})
    return {name: row_settings(plain['rows'], chosen, name) for name in plain['rows']}


def row_settings(
    rows: Mapping[str, Mapping[str, Any]], chosen: Mapping[str, Mapping[str, Any]], name: str
) -> dict[str, Any] | None:
    """Return a row's settings: what the search chose, or those of the row that it starts from and its own; None: none.

    Args:
        rows: ``rows`` of the config.
        chosen: Settings by row.
        name: The row.
    """
    if name in chosen:
        return dict(chosen[name])
    row = rows[name]
    if 'chain' in row:
        return {'type': 'RefinerChain', 'refiners': [row_settings(rows, chosen, other) for other in row['chain']]}
    before = row_settings(rows, chosen, row['start']) if 'start' in row else {}
    settings = {**(before or {}), **row.get('fixed', {})}
    return settings or None


class CoarseSet:
    """The scenes that a table's rows refine.

    Args:
        context: The table's run.
        count: Number of scenes.
        iou: Range of the masks' IoU; None for the config's.
        least: Scenes with an object below this IoU are passed over.
    """

    def __init__(self, context: Context, count: int, iou: Sequence[float] | None = None, least: float = 0.0) -> None:
        self.context, self.coarse = context, load_config(CONFIG).to_dict()['coarse']
        self.coarse['iou'] = list(iou or self.coarse['iou'])
        if least:
            self.coarse['least'] = least
        self.scenes = coarse_scenes(count, self.coarse, first_seed=HELD_OUT_SEED, least=least)

    def row(
        self, name: str, settings: Mapping[str, Any] | None, score: Callable[[np.ndarray], Scores] | None = None
    ) -> Row:
        """Return the row of a refiner; None leaves the masks as they are.

        Args:
            name: Of the row.
            settings: Of the refiner.
            score: From the scenes' IoUs to scores; None for their mean.
        """
        identity = {'scenes': len(self.scenes), 'coarse': self.coarse, 'refiner': settings}

        def compute() -> Scores:
            ious = scene_ious(None if settings is None else build(settings), self.scenes, name)
            return Scores({'iou': ious}) if score is None else score(ious)

        return self.context.row(name, identity, compute)
