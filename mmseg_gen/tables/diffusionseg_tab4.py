"""DiffusionSeg, Tab. 4: one decoder on the features of different pre-trained models."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import torch

from mmseg_gen.generators.sources import embedded_folder
from mmseg_gen.tables.context import Context
from mmseg_gen.tables.contract import Claim, Paper, Row
from mmseg_gen.tables.training import Trained, Training
from mmseg_gen.tables.training_free import embedded_parts

TITLE = "Diffusion features against CLIP's and a random network's"
SCALES = ('1x', '10x')
PAPER = Paper(
    source='DiffusionSeg (arXiv 2303.09813), Tab. 4; DUTS-TE; synthetic 1k and 10k',
    columns=('Acc', 'IoU'),
    rows={
        'DINO, 1x': (0.883, 0.502),
        'MoCo, 1x': (0.912, 0.596),
        'CLIP, 1x': (0.924, 0.563),
        'Diffusion, 1x': (0.916, 0.594),
        'DINO, 10x': (0.919, 0.576),
        'MoCo, 10x': (0.915, 0.623),
        'CLIP, 10x': (0.913, 0.628),
        'Diffusion, 10x': (0.933, 0.637),
    },
)
CLAIMS = [Claim(f'Diffusion, {s}', f'{other}, {s}') for s in SCALES for other in ('CLIP', 'Random UNet')]
NOTE = (
    "No DINO and no MoCo of the embedded world exist: their rows are the paper's alone. The random network is the same "
    'UNet with untrained weights, on the latents of the trained autoencoder, under the same prompts. All share one '
    'decoder; on CLIP it enlarges twice as much, because a patch covers 8 px and a latent 4. 1x is 200 pairs, '
    'quick 30.'
)


def run(context: Context) -> list[Row]:
    """Return three features at two scales."""
    trained, once = Trained(context, context.choose(200, 100)), context.choose(200, 30)
    iterations = context.choose(1200, 300)
    untrained = {'backbone': {'generator': str(random_generator(context))}}
    features = {
        'CLIP': ('embedded_clip_features.py', {}),
        'Random UNet': ('embedded_diffusionseg.py', untrained),
        'Diffusion': ('embedded_diffusionseg.py', {}),
    }
    # The larger scale first: one synthesis run then serves both.
    rows = {
        scale: [
            trained.row(f'{name}, {scale}', Training(config, once * int(scale[:-1]), iterations, model=model))
            for name, (config, model) in features.items()
        ]
        for scale in reversed(SCALES)
    }
    return [row for scale in SCALES for row in rows[scale]]


def random_generator(context: Context) -> Path:
    """Return the folder of the embedded pipeline with an untrained UNet (seed 0), written where missing."""
    folder = context.shared('random_unet')
    if not folder.is_dir():
        partial = folder.with_name(f'.partial-{os.getpid()}-{folder.name}')
        shutil.copytree(embedded_folder(), partial)
        unet = embedded_parts().unet
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            type(unet).from_config(unet.config).save_pretrained(partial / 'unet')
        os.replace(partial, folder)
    return folder
