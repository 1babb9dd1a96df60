"""G4Seg, Appendix I: how the gain depends on the mask's quality before refinement."""

from __future__ import annotations

from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Claim, Paper, Row
from mmseg_gen.tables.refinement import CoarseSet, committed_settings

TITLE = 'Sensitivity to the initial IoU'
METHODS = ('EMI + SCA + CF [0.2, 0.6]', 'gradient (ours)', 'gradient, gated (ours)', 'DenseCRF')
RANGES = ((0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 0.95), (0.97, 1.0))
PAPER = Paper(
    source='G4Seg, Sec. 4.2, WSSS on VOC: gain of the mean IoU',
    columns=('mean gain',),
    rows={'paper, initial IoU below 0.4': (0.002,), 'paper, 0.4 to 0.8': (0.019,), 'paper, 0.8 to 1': (0.011,)},
)
CLAIMS = [Claim(f'{method}, {low} to {high}', f'before, {low} to {high}') for method in METHODS for low, high in RANGES]
NOTE = "Each range has its own coarse masks of the same scenes; rows 'before' are those masks."


def run(context: Context) -> list[Row]:
    """Return, for each range of the initial IoU, the masks before and after each method."""
    settings, rows = committed_settings(), []
    for low, high in RANGES:
        scenes = CoarseSet(context, context.choose(100, 10), iou=(low, high))
        rows.append(scenes.row(f'before, {low} to {high}', None))
        rows += [scenes.row(f'{method}, {low} to {high}', settings[method]) for method in METHODS]
    return rows
