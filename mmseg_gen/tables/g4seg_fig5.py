"""G4Seg, Fig. 5: the noise level at which the image is made again."""

from __future__ import annotations

from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Claim, Paper, Row
from mmseg_gen.tables.refinement import BASELINE, CoarseSet, committed_settings

TITLE = 'Time steps of G4Seg'
MIX, GRADIENT = 'EMI + SCA + CF [0.2, 0.6]', 'gradient (ours)'
MIX_STEPS = (100, 200, 300, 400, 500)
GRADIENT_STEPS = (100, 200, 400, 600, 800)
PAPER = Paper(
    source='G4Seg, Fig. 5, a curve without numbers: flat from 100 to 500, best at 400', columns=('mIoU',), rows={}
)
CLAIMS = [Claim('mix, t = 400', f'mix, t = {t}') for t in (100, 500)]
NOTE = 'The same scenes and coarse masks as in Tab. 4. The noise sample is the same at every step.'


def run(context: Context) -> list[Row]:
    """Return a row per update and time step."""
    scenes, settings = CoarseSet(context, context.choose(200, 20)), committed_settings()
    rows = [scenes.row(BASELINE, None)]
    for label, name, steps in (('mix', MIX, MIX_STEPS), ('gradient', GRADIENT, GRADIENT_STEPS)):
        own = settings[name] or {}
        rows += [scenes.row(f'{label}, t = {t}', {**own, 'timestep': t}) for t in steps]
    return rows
