"""Training-free masks by method and settings, on the scenes' evidence: what Tab. 5, 6 and 7 have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any

import numpy as np
from tqdm import tqdm

from mmseg_gen.errors import UserError
from mmseg_gen.evaluation.training_free import LabelledImage
from mmseg_gen.functional.attention_cut import attention_cut
from mmseg_gen.functional.baselines import crf_mask, kmeans_mask, normalized_cut_mask, threshold_mask
from mmseg_gen.functional.crf import CrfSettings
from mmseg_gen.functional.cut_settings import CutSettings
from mmseg_gen.functional.evidence import Evidence
from mmseg_gen.generators.embedded.corpus import HELD_OUT_SEED
from mmseg_gen.generators.parts import Parts, load_parts
from mmseg_gen.tables.configs import load_config
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Row
from mmseg_gen.tables.evidence import Inversion, scene_evidence
from mmseg_gen.tables.scenes import labelled_scenes
from mmseg_gen.tables.scoring import mask_scores

CONFIG = 'tables/training_free.py'
_CRF = tuple(field.name for field in fields(CrfSettings))


def predict(method: str, settings: Mapping[str, Any], evidence: Evidence, image: np.ndarray) -> np.ndarray:
    """Return one image's mask, bool ``(H, W)``.

    Args:
        method: 'attention_cut', 'crf', 'kmeans', 'ncut' or 'threshold'.
        settings: Of that method; those of 'crf' are fields of ``CrfSettings`` and of ``CutSettings``.
        evidence: Attention of the image.
        image: RGB uint8.

    Raises:
        UserError: There is no such method.
    """
    if method == 'attention_cut':
        return attention_cut(evidence, image, CutSettings(**settings)).mask
    if method == 'crf':
        crf = {name: value for name, value in settings.items() if name in _CRF}
        cut = {name: value for name, value in settings.items() if name not in _CRF}
        return crf_mask(evidence, image, cut=CutSettings(**cut), crf=CrfSettings(**crf))
    others = {'kmeans': kmeans_mask, 'ncut': normalized_cut_mask, 'threshold': threshold_mask}
    if method not in others:
        raise UserError(f'Expected a method from attention_cut, crf, {", ".join(others)}, but got {method!r}.')
    return others[method](evidence, image, **settings)


def committed_rows() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the method and the settings of every row in the committed config: the chosen ones where there are any."""
    plain = load_config(CONFIG).to_dict()
    rows, chosen = plain['rows'], plain.get('chosen', {})
    return {
        name: (row['method'], chosen.get(name) or starting_settings(rows, chosen, name)) for name, row in rows.items()
    }


def starting_settings(
    rows: Mapping[str, Mapping[str, Any]], chosen: Mapping[str, Mapping[str, Any]], name: str
) -> dict[str, Any]:
    """Return what the search of a row begins with: the settings of the row it starts from, then its fixed ones."""
    row = rows[name]
    before = row.get('start')
    if before is None:
        return dict(row.get('fixed', {}))
    return {**(chosen.get(before) or starting_settings(rows, chosen, before)), **row.get('fixed', {})}


@lru_cache(maxsize=1)
def embedded_parts() -> Parts:
    """Return the embedded models, loaded once."""
    return load_parts('embedded')


class HeldOut:
    """Held-out scenes with their evidence, taken when the first row asks for it.

    Args:
        context: The table's run.
        count: Number of scenes.
        inversion: How the evidence is taken; None as the config says, under CLIP's label.
    """

    def __init__(self, context: Context, count: int, inversion: Inversion | None = None) -> None:
        self.context, self.inversion = context, inversion or committed_inversion()
        self.samples: list[LabelledImage] = labelled_scenes(count)
        self._evidence: list[Evidence] | None = None

    @property
    def evidence(self) -> list[Evidence]:
        """Evidence of each scene."""
        if self._evidence is None:
            ways = [self.inversion]
            self._evidence = scene_evidence(self.context, embedded_parts(), self.samples, HELD_OUT_SEED, ways)[0]
        return self._evidence

    def row(self, name: str, method: str, settings: Mapping[str, Any]) -> Row:
        """Return the row of a method on these scenes."""

        def compute():
            pairs = zip(self.evidence, self.samples, strict=True)
            shown = tqdm(pairs, total=len(self.samples), unit='scene', desc=name)
            masks = [predict(method, settings, evidence, sample.image) for evidence, sample in shown]
            return mask_scores(masks, [sample.mask for sample in self.samples])

        identity = dict(
            scenes=len(self.samples), inversion=vars(self.inversion), method=method, settings=dict(settings)
        )
        return self.context.row(name, identity, compute)


def committed_inversion(label: str = 'clip') -> Inversion:
    """Return how the config says that evidence is taken, under CLIP's label or another."""
    return Inversion(label=label, **load_config(CONFIG).inversion)
