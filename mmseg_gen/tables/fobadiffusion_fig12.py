"""fobadiffusion, Fig. 12: more noise samples at each time."""

from __future__ import annotations

from mmseg_gen.tables.concept_maps import STEPS, map_scores, step_maps
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Claim, Paper, Row
from mmseg_gen.tables.scenes import labelled_scenes

TITLE = 'AUC of the mean attention map by the number of noise samples N'
SAMPLES, USED = (1, 2, 4, 8), 20
PAPER = Paper(
    source='fobadiffusion (Dombrowski et al.), Fig. 12, a plot without numbers: the AUC on CUB rises slightly with N',
    columns=(),
    rows={},
)
CLAIMS = [Claim('N = 2', 'N = 1', 'auc'), Claim('N = 8', 'N = 1', 'auc')]
NOTE = 'T0 = 20, the best on tuning scenes. The cost grows with N; the smaller N are the first samples of the larger.'


def run(context: Context) -> list[Row]:
    """Return a row per N, all from the same maps."""
    scenes = labelled_scenes(context.choose(100, 20))
    found: list = []

    def scores(count: int):
        found[:] = found or [step_maps(context, scenes, used=USED, repeats=SAMPLES[-1])]
        return map_scores(found[0][:, :count, :, 0].astype('float32').mean((1, 2)), scenes)

    settings = {'scenes': len(scenes), 'steps': STEPS, 'used': USED, 'drawn': SAMPLES[-1]}
    return [context.row(f'N = {n}', {**settings, 'samples': n}, lambda n=n: scores(n)) for n in SAMPLES]
