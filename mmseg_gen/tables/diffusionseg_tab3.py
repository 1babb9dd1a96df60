"""DiffusionSeg, Tab. 3: segmentors trained on synthetic pairs against the same trained on annotated photographs."""

from __future__ import annotations

from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Claim, Paper, Row
from mmseg_gen.tables.training import Trained, Training

TITLE = 'Real against synthetic training data, 1x and 10x'
MODELS = {'UNet': 'embedded_unet.py', 'DeepLabV3': 'embedded_deeplabv3.py'}
PAPER = Paper(
    source='DiffusionSeg (arXiv 2303.09813), Tab. 3; DUTS-TE; 1x is 1000 images',
    columns=('Acc', 'IoU'),
    rows={
        'UNet, real 1x': (0.875, 0.489),
        'UNet, synthetic 1x': (0.846, 0.401),
        'UNet, synthetic 10x': (0.872, 0.493),
        'DeepLabV3, real 1x': (0.900, 0.512),
        'DeepLabV3, synthetic 1x': (0.866, 0.454),
        'DeepLabV3, synthetic 10x': (0.906, 0.521),
    },
)
CLAIMS = [
    claim
    for model in MODELS
    for claim in (
        Claim(f'{model}, real 1x', f'{model}, synthetic 1x'),
        Claim(f'{model}, synthetic 10x', f'{model}, synthetic 1x'),
        Claim(f'{model}, synthetic 10x', f'{model}, real 1x'),
    )
]
NOTE = (
    'Real data are rendered scenes with exact masks, 1x is 200 pairs (quick: 30) instead of 1000, and every training '
    'has the same number of iterations, so 10x means more different pairs, not more steps. Both networks are a quarter '
    'as wide as MMSeg ships them and start from random weights.'
)


def run(context: Context) -> list[Row]:
    """Return the six rows."""
    trained, once = Trained(context, context.choose(200, 100)), context.choose(200, 30)
    iterations = context.choose(1200, 300)
    # The largest first: one synthesis run then serves all.
    sets = {'synthetic 10x': (10 * once, False), 'synthetic 1x': (once, False), 'real 1x': (once, True)}
    rows = [
        trained.row(f'{model}, {name}', Training(config, pairs, iterations, real))
        for model, config in MODELS.items()
        for name, (pairs, real) in sets.items()
    ]
    order = list(PAPER.rows)
    return sorted(rows, key=lambda row: order.index(row.name))
