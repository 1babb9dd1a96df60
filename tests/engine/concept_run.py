"""A concept distillation small enough for tests: random parts, 16 px canvases, photos of odd sizes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config

# Height and width of each photo; the object is in its upper left quarter.
SIZES = ((20, 30), (40, 24), (17, 17), (33, 21), (16, 48))


def write_preliminary(folder: Path, sizes=SIZES, outcomes=None) -> Path:
    """Write photos and preliminary masks and return the folder of masks."""
    outcomes = outcomes or ['found'] * len(sizes)
    for name in ('photos', 'preliminary/masks'):
        (folder / name).mkdir(parents=True, exist_ok=True)
    lines = []
    for i, ((height, width), outcome) in enumerate(zip(sizes, outcomes, strict=True)):
        photo = np.random.default_rng(i).integers(0, 256, (height, width, 3), np.uint8)
        mask = np.zeros((height, width), np.uint8)
        mask[: height // 2, : width // 2] = 1
        cv2.imwrite(str(folder / 'photos' / f'p{i}.png'), photo[..., ::-1])
        if outcome == 'found':
            cv2.imwrite(str(folder / 'preliminary' / 'masks' / f'p{i}.png'), mask)
        lines.append(json.dumps(dict(name=f'p{i}', image=f'photos/p{i}.png', outcome=outcome, share=0.25)))
    (folder / 'preliminary' / 'manifest.jsonl').write_text('\n'.join(lines) + '\n')
    return folder / 'preliminary'


def distillation_config(folder: Path, work_dir: Path, generator: str, **changes) -> Config:
    """Return a config of a few iterations on the photos in ``folder``, with momentum, average and a warm-up."""
    config = Config(
        dict(
            default_scope='mmseg',
            custom_imports=dict(imports=['mmseg_gen.components'], allow_failed_imports=False),
            work_dir=str(work_dir),
            model=dict(
                type='ConceptDistiller', generator=generator, prompts=('a photo of a bird', 'a photo of a background')
            ),
            train_dataloader=dict(
                batch_size=4,
                num_workers=0,
                sampler=dict(type='DrawSampler'),
                collate_fn=dict(type='default_collate'),
                dataset=dict(
                    type='ConceptDataset',
                    preliminary=str(folder / 'preliminary'),
                    photos_root=str(folder),
                    canvas=(16, 16),
                    cell=2,
                    fit='crop',
                ),
            ),
            train_cfg=dict(type='IterBasedTrainLoop', max_iters=6),
            optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3)),
            param_scheduler=[dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=5)],
            custom_hooks=[
                dict(type='EMAHook', ema_type='MomentumAnnealingEMA', momentum=0.1, gamma=2),
                dict(type='FiniteTrainingHook'),
                dict(type='SampleOutcomesHook'),
            ],
            default_hooks=dict(
                logger=dict(type='LoggerHook', interval=1, log_metric_by_epoch=False),
                checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2, max_keep_ckpts=2),
            ),
            env_cfg=dict(dist_cfg=dict(backend='gloo')),
            log_processor=dict(by_epoch=False),
            log_level='WARNING',
            randomness=dict(seed=0),
        )
    )
    config.merge_from_dict(changes)
    return config
