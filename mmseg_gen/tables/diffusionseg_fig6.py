"""DiffusionSeg, Fig. 6: how much synthetic data is enough."""

from __future__ import annotations

from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Claim, Paper, Row
from mmseg_gen.tables.training import Trained, Training

TITLE = 'IoU by the number of synthetic pairs'
SCALES = ('1x', '3x', '10x', '30x', '100x')
PAPER = Paper(
    source='DiffusionSeg (arXiv 2303.09813), Fig. 6, a plot without numbers: IoU on DUTS-TE rises from 1k to 100k '
    'with a decreasing marginal effect; Tab. 1 gives 0.704 at 50k',
    columns=(),
    rows={},
)
CLAIMS = [Claim(f'{SCALES[-1]} pairs', f'{SCALES[0]} pairs'), Claim('10x pairs', '1x pairs')]
NOTE = (
    'DiffusionSeg on the first 20, 60, 200, 600 and 2000 pairs of one synthetic set (quick: 3, 9, 30, 90, 300), '
    'trained for the same number of iterations each.'
)


def run(context: Context) -> list[Row]:
    """Return one row per scale, the smallest first."""
    trained, once = Trained(context, context.choose(200, 100)), context.choose(20, 3)
    iterations = context.choose(1200, 300)
    # The largest first: one synthesis run then serves all.
    rows = [
        trained.row(f'{scale} pairs', Training('embedded_diffusionseg.py', once * int(scale[:-1]), iterations))
        for scale in reversed(SCALES)
    ]
    return rows[::-1]
