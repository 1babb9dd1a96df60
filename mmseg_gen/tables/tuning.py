"""Choose the free settings of rows on the tuning scenes, with the same effort for each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config

from mmseg_gen.evaluation.training_free import LabelledImage
from mmseg_gen.functional.coordinate_search import coordinate_search
from mmseg_gen.functional.evidence import Evidence
from mmseg_gen.functional.saliency import foreground_iou
from mmseg_gen.functional.writing import write_bytes
from mmseg_gen.generators.parts import Parts
from mmseg_gen.tables.evidence import Inversion, invert
from mmseg_gen.tables.training_free import predict, starting_settings

_BATCH = 25


class Chosen(NamedTuple):
    """Settings and their mean IoU on the tuning scenes."""

    settings: dict[str, Any]
    iou: float


def choose(
    method: str,
    start: Mapping[str, Any],
    grid: Mapping[str, Sequence[Any]],
    evidence: Sequence[Evidence],
    samples: Sequence[LabelledImage],
    *,
    rounds: int,
    tell: Callable[[str, dict], None] = lambda name, scores: None,
) -> Chosen:
    """Return the settings of largest mean IoU that a coordinate search from ``start`` finds.

    Args:
        method: As in :func:`~mmseg_gen.tables.training_free.predict`.
        start: Settings to begin with.
        grid: Values to try for each free setting.
        evidence: Of the tuning scenes.
        samples: The tuning scenes.
        rounds: Rounds of the search.
        tell: Called after each setting's turn with its name and the score of each value.
    """

    def score(settings: dict[str, Any]) -> float:
        pairs = zip(evidence, samples, strict=True)
        masks = ((predict(method, settings, e, s.image), s.mask) for e, s in pairs)
        return float(np.mean([foreground_iou(torch.from_numpy(p), torch.from_numpy(t)) for p, t in masks]))

    chosen = Chosen(dict(start), 0.0)
    for step in coordinate_search(start, grid, score, rounds):
        tell(step.name, step.scores)
        chosen = Chosen(step.best, max(step.scores.values()))
    return chosen


def tuning_evidence(
    parts: Parts, samples: Sequence[LabelledImage], config: Config, steps: int | None = None
) -> list[Evidence]:
    """Return the tuning scenes' evidence, taken as the config's ``inversion`` says, under CLIP's label."""
    settings = {**config.inversion, **({} if steps is None else {'steps': steps})}
    found: list[Evidence] = []
    for start in range(0, len(samples), _BATCH):
        found += invert(parts, samples[start : start + _BATCH], [Inversion(**settings)], start)[0]
    # As read from a file: the rows are judged on stored evidence.
    return [evidence.stored() for evidence in found]


def tune_rows(
    config: Config,
    evidence: Sequence[Evidence],
    samples: Sequence[LabelledImage],
    path: Path,
    *,
    rounds: int,
    only: Sequence[str] | None = None,
    tell: Callable[[str, dict], None] = lambda name, scores: None,
) -> dict[str, dict[str, Any]]:
    """Choose each row's free settings, write them to ``path`` after each row, and return them.

    Args:
        config: Has ``rows``, ``grid`` and, from earlier choices, ``chosen``.
        evidence: Of the tuning scenes.
        samples: The tuning scenes.
        path: JSON file of the choices; the config's base.
        rounds: Rounds of each search.
        only: Rows to choose anew; None for all.
        tell: See :func:`choose`.
    """
    plain = config.to_dict()
    chosen, scores = dict(plain.get('chosen', {})), dict(plain.get('tuning_iou', {}))
    for name, row in plain['rows'].items():
        if not row.get('search') or (only is not None and name not in only):
            continue
        start = starting_settings(plain['rows'], chosen, name)
        grid = {key: plain['grid'][key] for key in row['search']}
        best = choose(row['method'], start, grid, evidence, samples, rounds=rounds, tell=tell)
        tell(name, {'mean IoU': best.iou})
        chosen[name], scores[name] = best.settings, round(best.iou, 4)
        content = {'tuning_iou': scores, 'chosen': chosen}
        write_bytes(path, (json.dumps(content, indent=1) + '\n').encode('utf-8'))
    return chosen
