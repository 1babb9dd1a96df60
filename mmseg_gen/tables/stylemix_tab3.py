"""Style mixing, Tab. 3: a U-Net trained on generated images and their masks, the border included."""

from __future__ import annotations

from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Claim, Paper, Row
from mmseg_gen.tables.style_mixing import CONFIG, gan_digest, trimap_scores
from mmseg_gen.tables.style_training import held_out_masks, predictions

TITLE = 'U-Net trained on masks by style mixing, against exact ones'
ROWS = {
    'U-Net, photographs with exact masks': 'photographs',
    'U-Net, generated images with exact masks': 'exact',
    'U-Net, generated images with style-mixed masks': 'style-mixed',
}
PAPER = Paper(
    source='style mixing, Tab. 3; trained on FFHQ, tested on CelebA-Mask-HQ; trimap of 3 pixels',
    columns=('mIoU', 'trimap mIoU'),
    rows={
        'U-Net, photographs with exact masks': (0.91, 0.49),
        'paper: with DatasetGAN': (0.84, 0.41),
        'paper: with Labels4Free': (0.87, 0.41),
        'paper: with Segmentation in Style': (0.86, 0.39),
        'U-Net, generated images with style-mixed masks': (0.87, 0.42),
    },
)
_EXACT, _MIXED = 'U-Net, generated images with exact masks', 'U-Net, generated images with style-mixed masks'
CLAIMS = [
    Claim(_EXACT, _MIXED, 'miou'),
    Claim('U-Net, photographs with exact masks', _MIXED, 'miou'),
    Claim(_EXACT, _MIXED, 'trimap_miou'),
]
NOTE = (
    'Photographs are rendered cats, which the embedded StyleGAN2 was taught to draw; the tests are on other ones. The '
    "generated images are the same in both rows; the paper has no such row. MMSeg's U-Net is a quarter as wide, from "
    'random weights, with the same number of iterations for all.'
)


def run(context: Context) -> list[Row]:
    """Return the three rows."""
    size = {
        'pairs': context.choose(600, 100),
        'iterations': context.choose(1200, 250),
        'count': context.choose(200, 60),
    }
    truths, digest = held_out_masks(size['count']), gan_digest()
    return [
        context.row(
            name,
            {'config': CONFIG, 'kind': kind, 'gan': digest, **size},
            lambda kind=kind: trimap_scores(predictions(context, CONFIG, kind, **size), truths),
        )
        for name, kind in ROWS.items()
    ]
