"""A short fine-tuning of the embedded model on rendered scenes."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline

from mmseg_gen.datasets import ConceptDataset
from mmseg_gen.engine.distillation import distill
from mmseg_gen.functional.masked_loss import masked_squared_error
from mmseg_gen.generators.embedded.scenes import render_scene
from mmseg_gen.generators.parts import load_parts
from mmseg_gen.generators.text import encode_prompts
from tests.engine.concept_run import distillation_config

PROMPTS = ('a photo of a bird', 'a photo of a background')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('birds')
    for name in ('photos', 'preliminary/masks'):
        (folder / name).mkdir(parents=True)
    lines = []
    for i in range(4):
        scene = render_scene(5_000_000 + i, 64, ['bird'])
        cv2.imwrite(str(folder / 'photos' / f'{i}.png'), scene.image[..., ::-1])
        cv2.imwrite(str(folder / 'preliminary' / 'masks' / f'{i}.png'), (scene.labels > 0).astype(np.uint8))
        lines.append(json.dumps(dict(name=str(i), image=f'photos/{i}.png', outcome='found')))
    (folder / 'preliminary' / 'manifest.jsonl').write_text('\n'.join(lines))
    return folder


@pytest.fixture(scope='module')
def exported(folder, embedded_weights):
    changes = {
        'model.latent_cache_mb': 8,
        'train_dataloader.dataset.canvas': (64, 64),
        'train_dataloader.dataset.cell': 4,
        'train_dataloader.dataset.fit': 'stretch',
        'train_cfg.max_iters': 16,
        'optim_wrapper.optimizer.lr': 2e-4,
        'default_hooks.checkpoint.interval': 16,
    }
    return distill(distillation_config(folder, folder, 'embedded', **changes))


def fixed_loss(parts, folder) -> float:
    """Return the loss of sixteen fixed samples at fixed times, by diffusers' scheduler."""
    samples = ConceptDataset(str(folder / 'preliminary'), str(folder), canvas=(64, 64), cell=4)
    batch = torch.utils.data.default_collate([samples[i] for i in range(16)])
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        latents = parts.vae.encode(batch['inputs']).latent_dist.mode() * parts.vae.config.scaling_factor
        noise = torch.randn(latents.shape, generator=generator)
        times = torch.arange(16) * 60 + 30
        noisy = parts.scheduler.add_noise(latents, noise, times)
        context = encode_prompts(parts, [PROMPTS[kind] for kind in batch['kinds']])
        output = parts.unet(noisy, times, context).sample
    # The embedded model predicts the velocity.
    target = parts.scheduler.get_velocity(latents, noise, times)
    return masked_squared_error(output, target, batch['masks']).item()


def test_the_loss_on_a_fixed_batch_falls(exported, folder):
    assert fixed_loss(load_parts(exported), folder) < 0.97 * fixed_loss(load_parts('embedded'), folder)


def test_diffusers_own_pipeline_reads_the_export(exported):
    pipeline = StableDiffusionPipeline.from_pretrained(exported, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(0)
    made = pipeline(PROMPTS[0], num_inference_steps=2, output_type='np', generator=generator).images
    assert made.shape == (1, 64, 64, 3)
    assert np.isfinite(made).all()


def test_the_export_has_no_pickle(exported):
    kinds = {path.suffix for path in exported.rglob('*') if path.is_file()}
    # A tokenizer of transformers 4 has merges.txt.
    assert {'.json', '.safetensors'} <= kinds <= {'.json', '.safetensors', '.txt'}
