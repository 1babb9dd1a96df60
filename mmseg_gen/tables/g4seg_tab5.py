"""G4Seg, Tab. 5: one step of noising, or null-text inversion."""

from __future__ import annotations

from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Claim, Paper, Row
from mmseg_gen.tables.refinement import BASELINE, CoarseSet, committed_settings

TITLE = 'Null-text inversion'
ONE_STEP, INVERTED = 'EMI + SCA + CF [0.2, 0.6]', 'null-text inversion'
PAPER = Paper(
    source='G4Seg, Tab. 5; its numbers are not in the text that we have: a marginal gain, many times slower',
    columns=('mIoU',),
    rows={},
)
CLAIMS = [Claim(ONE_STEP, BASELINE), Claim(INVERTED, BASELINE), Claim(INVERTED, ONE_STEP)]
NOTE = 'Ten DDIM steps, five steps of Adam at each, guidance 3. The seconds of the rows tell the price.'


def run(context: Context) -> list[Row]:
    """Return the rows with and without the inversion."""
    scenes, settings = CoarseSet(context, context.choose(60, 6)), committed_settings()
    return [scenes.row(name, settings[name]) for name in (BASELINE, ONE_STEP, INVERTED)]
