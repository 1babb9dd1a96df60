"""fobadiffusion, Fig. 3: how many of the cleanest times the mean attention map should average."""

from __future__ import annotations

from mmseg_gen.tables.concept_maps import STEPS, map_scores, step_maps
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Claim, Paper, Row
from mmseg_gen.tables.scenes import labelled_scenes

TITLE = 'AUC of the mean attention map by T0'
USED = (1, 5, 10, 20, 30, 40, 50)
PAPER = Paper(
    source='fobadiffusion (Dombrowski et al.), Fig. 3, a plot without numbers: the AUC on CUB rises up to about 40 of '
    '50 times and falls behind; Sec. 4 gives 0.971 at 40',
    columns=('auc',),
    rows={'T0 = 40': (0.971,)},
)
CLAIMS = [
    Claim('T0 = 20', 'T0 = 1', 'auc'),
    Claim('T0 = 40', 'T0 = 20', 'auc'),
    Claim('T0 = 40', 'T0 = 50', 'auc'),
]
NOTE = 'Ten classes of rendered scenes in turn, one noise sample at each time, all cross-attention layers alike.'


def run(context: Context) -> list[Row]:
    """Return a row per T0, all from the same maps."""
    scenes = labelled_scenes(context.choose(200, 40))
    found: list = []

    def scores(used: int):
        found[:] = found or [step_maps(context, scenes, used=STEPS)]
        return map_scores(found[0][:, 0, :used, 0].astype('float32').mean(1), scenes)

    return [
        context.row(f'T0 = {used}', {'scenes': len(scenes), 'steps': STEPS, 'used': used}, lambda u=used: scores(u))
        for used in USED
    ]
