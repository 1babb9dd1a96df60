"""fobadiffusion, Tab. 2: masks step by step, and the U-Nets that learn from them."""

from __future__ import annotations

from mmseg_gen.engine.concepts.run import UNET_BOTH, UNET_DS
from mmseg_gen.tables.concept_pipeline import Pipeline
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Claim, Paper, Row

TITLE = 'Steps of the pipeline'
PRELIMINARY, CROP = 'preliminary masks M_pre', 'simple inpainting M_crop'
PLAIN, REFINED = 'refined masks, without fine-tuning', 'refined masks M'
ON_PRELIMINARY, ON_DS, ON_BOTH = 'U-Net on (D, M_pre)', 'U-Net on D_s', "U-Net on D_s and D'_s"
PAPER = Paper(
    source='fobadiffusion (Dombrowski et al.), Tab. 2: CUB, pooled over the test images',
    columns=('acc', 'iou_pooled'),
    rows={
        PRELIMINARY: (0.835, 0.290),
        CROP: (0.900, 0.307),
        ON_PRELIMINARY: (0.917, 0.665),
        REFINED: (0.924, 0.636),
        ON_DS: (0.952, 0.751),
        ON_BOTH: (0.956, 0.772),
    },
)
CLAIMS = [
    Claim(REFINED, PRELIMINARY),
    Claim(REFINED, CROP),
    Claim(REFINED, PLAIN),
    Claim(ON_DS, REFINED),
    Claim(ON_DS, ON_PRELIMINARY),
    Claim(ON_BOTH, ON_DS),
]
NOTE = (
    'Photos that all show a bird. Masks of the test photos are made as those of the training photos, without '
    'their truth; the U-Nets have not seen them. A photo without a mask counts as background.'
)


def run(context: Context) -> list[Row]:
    """Return a row per step."""
    sizes = dict(photos=150, test=100, iterations=300, made=150)
    small = dict(photos=60, test=40, iterations=100, made=60)
    pipeline = Pipeline(context, **context.choose(sizes, small))
    fine_tuned = pipeline.run.generator

    def refined():
        pipeline.stages('preliminary', 'distill')
        return pipeline.refined_scores('refined', fine_tuned)

    steps = {
        PRELIMINARY: pipeline.preliminary_scores,
        CROP: lambda: pipeline.refined_scores('crop', None, method='crop'),
        PLAIN: lambda: pipeline.refined_scores('plain', None),
        REFINED: refined,
        ON_PRELIMINARY: lambda: pipeline.segmentor_scores('unet_preliminary'),
        ON_DS: lambda: pipeline.segmentor_scores(UNET_DS),
        ON_BOTH: lambda: pipeline.segmentor_scores(UNET_BOTH),
    }
    return [context.row(name, pipeline.identity, compute) for name, compute in steps.items()]
