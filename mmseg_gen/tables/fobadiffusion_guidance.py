"""fobadiffusion, Eq. 10 and Sec. 4.3: guidance between the two prompts against the quality of the images."""

from __future__ import annotations

import numpy as np
import torch

from mmseg_gen.engine.concepts.stage import load_generator
from mmseg_gen.engine.concepts.strip import SCALES, paint_strip
from mmseg_gen.evaluation.feature_extractors import ClipFeatures
from mmseg_gen.functional.frechet import Moments, frechet_distance
from mmseg_gen.functional.writing import encode_png, write_bytes
from mmseg_gen.generators.clip_prior import ClipPrior
from mmseg_gen.tables.concept_pipeline import CLASS, Pipeline, photo_pixels
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Claim, Paper, Row, Scores
from mmseg_gen.visualization.sheet import picture_sheet

TITLE = 'Guidance w between the prompts'
BLOCK = 32
PAPER = Paper(
    source='fobadiffusion (Dombrowski et al.), Sec. 4.3, FID (Inception) on CUB; without guidance 9.8',
    columns=('FID',),
    rows={'w = 1': (9.8,), 'w = 3': (11.3,)},
)
CLAIMS = [
    Claim('w = 1', 'w = 0', 'shown'),
    Claim('w = 3', 'w = 1', 'shown'),
    Claim('w = 3', 'w = 1', 'frechet'),
    Claim('w = 6.5', 'w = 1', 'frechet'),
]
NOTE = (
    'Frechet distance of embedded CLIP features between blocks of 32 generated images and the photos; it is biased '
    'upwards, for all w alike, and no published FID. Intervals are over blocks. A claim about frechet says that the '
    'distance grows, that is, that images get worse.'
)


def run(context: Context) -> list[Row]:
    """Return a row per w; the picture strip lies in the folder of the shared files, ``guidance.png``."""
    sizes = dict(photos=150, test=100, iterations=300, made=150)
    small = dict(photos=60, test=40, iterations=100, made=60)
    pipeline = Pipeline(context, **context.choose(sizes, small))
    blocks = context.choose(8, 3)

    def compute(scale: float) -> Scores:
        pipeline.stages('preliminary', 'distill')
        return _scores(pipeline, scale, blocks)

    settings = {**pipeline.identity, 'blocks': blocks, 'block': BLOCK}
    rows = [context.row(f'w = {w:g}', {**settings, 'w': w}, lambda w=w: compute(w)) for w in SCALES]
    _write_strip(context, pipeline)
    return rows


def _scores(pipeline: Pipeline, scale: float, blocks: int) -> Scores:
    settings = pipeline.run.settings
    parts, extract = load_generator(settings, pipeline.run.generator), ClipFeatures()
    photos = [torch.from_numpy(p).permute(2, 0, 1) for p in photo_pixels([p.path for p in pipeline.run.photos()])]
    reference = Moments.of(extract(photos).double().numpy())
    prior = ClipPrior(parts.clip, [CLASS, 'background'], ('a photo of a {}',))
    distances, shown = [], []
    for block in range(blocks):
        images = paint_strip(parts, settings, [scale], first=block * BLOCK, count=BLOCK)[0]
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
        own = Moments.of(extract(list(pixels)).double().numpy())
        distances.append(frechet_distance(own.mean, own.covariance, reference.mean, reference.covariance))
        shown.append(float(prior.probabilities(pixels.float() / 127.5 - 1)[:, 0].mean()))
    return Scores(means={'frechet': np.array(distances), 'shown': np.array(shown)})


def _write_strip(context: Context, pipeline: Pipeline) -> None:
    path = context.shared('concepts', 'guidance.png')
    if not path.is_file():
        images = paint_strip(load_generator(pipeline.run.settings, pipeline.run.generator), pipeline.run.settings)
        rows = [list(column) for column in images.swapaxes(0, 1)]
        write_bytes(path, encode_png(picture_sheet(rows, [f'w = {w:g}' for w in SCALES], side=96)))
