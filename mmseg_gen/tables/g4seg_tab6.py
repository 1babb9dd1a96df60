"""G4Seg, Tab. 6: against other ways to refine a mask, and after one another."""

from __future__ import annotations

from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Claim, Paper, Row
from mmseg_gen.tables.refinement import BASELINE, CoarseSet, committed_settings

TITLE = 'Mask refinement methods'
MIX, GRADIENT, CRF = 'EMI + SCA + CF [0.2, 0.6]', 'gradient (ours)', 'DenseCRF'
RIVALS = (CRF, 'bilateral solver', 'guided filter', 'PAMR', 'colour cut (ours)')
CHAINS = ('mix + DenseCRF', 'gradient + DenseCRF (ours)', 'gradient + colour cut (ours)')
ROWS = (BASELINE, *RIVALS, MIX, 'mix, tuned', GRADIENT, *CHAINS)
PAPER = Paper(source='G4Seg, Tab. 6; its numbers are not in the text that we have', columns=('mIoU',), rows={})
CLAIMS = [
    *(Claim(name, BASELINE) for name in ROWS[1:]),
    *(Claim(GRADIENT, name) for name in RIVALS),
    Claim('mix + DenseCRF', CRF),
    Claim('gradient + DenseCRF (ours)', CRF),
    Claim('gradient + DenseCRF (ours)', GRADIENT),
    Claim('gradient + colour cut (ours)', 'colour cut (ours)'),
]
NOTE = (
    'Settings of each method were chosen on tuning scenes by one search (configs/tables/refinement.py). CascadePSP and '
    'SegRefiner were trained on real masks and are not run. The scenes have strong, flat colours, which favours '
    'whatever knows colours.'
)


def run(context: Context) -> list[Row]:
    """Return a row per method."""
    scenes, settings = CoarseSet(context, context.choose(200, 20)), committed_settings()
    return [scenes.row(name, settings[name]) for name in ROWS]
