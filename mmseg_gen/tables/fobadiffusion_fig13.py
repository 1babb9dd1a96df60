"""fobadiffusion, Fig. 13: which token of the prompt finds the object."""

from __future__ import annotations

from mmseg_gen.tables.concept_maps import STEPS, TOKENS, map_scores, step_maps
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Claim, Paper, Row
from mmseg_gen.tables.scenes import labelled_scenes

TITLE = 'AUC of the mean attention map by token of "a photo of a CLASS"'
USED = 20
PAPER = Paper(
    source='fobadiffusion (Dombrowski et al.), Fig. 13, a plot without numbers: the class is best, the start token is '
    'inverted, the padding behind the class stays high',
    columns=(),
    rows={},
)
CLAIMS = [Claim('class', token, 'auc') for token in TOKENS if token != 'class']
NOTE = 'T0 = 20, the best on tuning scenes. A value below one half means that the token attends to the background.'


def run(context: Context) -> list[Row]:
    """Return a row per token, all from the same maps."""
    scenes = labelled_scenes(context.choose(200, 40))
    found: list = []

    def scores(place: int):
        found[:] = found or [step_maps(context, scenes, used=USED, tokens=True)]
        return map_scores(found[0][:, 0, :, place].astype('float32').mean(1), scenes)

    settings = {'scenes': len(scenes), 'steps': STEPS, 'used': USED}
    return [context.row(token, {**settings, 'token': i}, lambda i=i: scores(i)) for i, token in enumerate(TOKENS)]
