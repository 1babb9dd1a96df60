"""DiffusionSeg, Tab. 7: what the class named by CLIP is worth."""

from __future__ import annotations

from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Claim, Paper, Row
from mmseg_gen.tables.training import Trained, Training
from mmseg_gen.tables.training_free import HeldOut, committed_inversion, committed_rows

TITLE = 'The CLIP-classifiable prior'
PAPER = Paper(
    source='DiffusionSeg (arXiv 2303.09813), Tab. 7; DUTS-TE',
    columns=('Acc', 'IoU'),
    rows={
        'AttentionCut, prior': (0.914, 0.608),
        'AttentionCut, no prior': (0.816, 0.329),
        'DiffusionSeg, prior': (0.959, 0.704),
        'DiffusionSeg, no prior': (0.943, 0.672),
    },
)
CLAIMS = [
    Claim('AttentionCut, prior', 'AttentionCut, no prior'),
    Claim('AttentionCut, true class (ours)', 'AttentionCut, prior'),
    Claim('AttentionCut, no prior, border calibration (ours)', 'AttentionCut, no prior'),
    Claim('DiffusionSeg, prior', 'DiffusionSeg, no prior'),
    Claim('DiffusionSeg, no prior', 'AttentionCut, no prior'),
]
NOTE = (
    "No prior: the prompt is 'a photo of a' and the map is that of the end token, which stands where the class would; "
    'DiffusionSeg gets the empty prompt. All AttentionCut rows share the settings chosen with the prior. True class is '
    'what a perfect CLIP would give; border calibration turns maps over that are higher along the border than inside.'
)


def run(context: Context) -> list[Row]:
    """Return AttentionCut under four priors and DiffusionSeg under two."""
    count = context.choose(200, 60)
    method, settings = committed_rows()['AttentionCut']
    labels = {
        'AttentionCut, prior': 'clip',
        'AttentionCut, no prior': 'none',
        'AttentionCut, true class (ours)': 'true',
    }
    scenes = {name: HeldOut(context, count, committed_inversion(label)) for name, label in labels.items()}
    rows = [found.row(name, method, settings) for name, found in scenes.items()]
    turned = {**settings, 'calibration': 'border'}
    rows.append(
        scenes['AttentionCut, no prior'].row('AttentionCut, no prior, border calibration (ours)', method, turned)
    )
    trained = Trained(context, count)
    pairs, iterations = context.choose(2000, 300), context.choose(1200, 300)
    for name, model in (('prior', {}), ('no prior', {'backbone': {'prior': None}})):
        training = Training('embedded_diffusionseg.py', pairs, iterations, model=model)
        rows.append(trained.row(f'DiffusionSeg, {name}', training))
    return rows
