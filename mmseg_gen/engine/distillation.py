"""Concept distillation: fine-tune a text-to-image model with MMEngine's Runner, then export it (fobadiffusion)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_gen.compat import load_checkpoint_file
from mmseg_gen.engine.distillation_runner import EXPORT_DTYPES, runner_config
from mmseg_gen.engine.distillation_settings import check_settings, deciding_settings, write_settings
from mmseg_gen.engine.hooks.sample_outcomes_hook import COUNTS
from mmseg_gen.engine.launch import find_checkpoint, known_types_only
from mmseg_gen.engine.launching import use_processors
from mmseg_gen.errors import UserError
from mmseg_gen.functional.writing import PARTIAL_PREFIX

if TYPE_CHECKING:
    from mmengine.config import Config

GENERATOR, REPORT = 'generator', 'distilled.json'


def distill(config: Config, resume: bool = True) -> Path:
    """Train the config's model on its preliminary masks and return the exported generator's folder.

    Works in ``WORK/distilled``, WORK being ``config.work_dir``: MMEngine's checkpoints and logs, ``settings.json``, and
    ``generator``, a folder for diffusers and ``load_parts`` with the averaged weights where ``EMAHook`` runs. That
    folder appears when it is whole; in it, ``distilled.json`` counts photos and samples by outcome. What is finished is
    not done again.

    Args:
        config: ``model`` (a ``ConceptDistiller``), ``train_dataloader`` and the Runner's other settings. The data set's
            ``preliminary`` is WORK/preliminary unless it says otherwise. ``export_dtype`` is 'float32' or 'float16'.
        resume: Go on from the last checkpoint, where there is one.

    Raises:
        UserError: The folder holds a training with other settings, or one that was not to be resumed; a setting is
            wrong; the photos or masks are missing; or the training became NaN.
    """
    from mmengine import dist
    from mmengine.runner import Runner

    own = runner_config(config)
    folder, target = Path(own.work_dir), Path(own.work_dir) / GENERATOR
    checkpoint = last_checkpoint(folder)
    if checkpoint is not None and not resume:
        raise UserError(
            f'Expected no earlier training in {folder}, but it has {checkpoint}; go on with it by --resume, or choose '
            'another --work-dir.'
        )
    own.resume = checkpoint is not None
    settings = deciding_settings(own)
    if own.resume or target.is_dir():
        check_settings(folder, settings)
    if exported_iterations(target) == own.train_cfg.max_iters:
        return target
    use_processors(own)
    with known_types_only():
        runner = Runner.from_cfg(own)
        if dist.is_main_process():
            write_settings(folder, settings)
        if checkpoint is None or _meta(checkpoint)['iter'] != own.train_cfg.max_iters:
            runner.train()
        dist.barrier()
        if dist.is_main_process():
            _export(own, runner.train_dataloader.dataset.outcomes, target)
        dist.barrier()
    return target


def _export(own: Config, photos: Mapping[str, int], target: Path) -> None:
    """Write the generator's folder under a temporary name and rename it; an export of fewer iterations steps aside."""
    import torch
    from mmengine.registry import DefaultScope

    from mmseg_gen.generators.lora import merge_lora
    from mmseg_gen.generators.saving import save_parts
    from mmseg_gen.registry import MODELS

    checkpoint = load_checkpoint_file(find_checkpoint(str(target.parent)), map_location='cpu')
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(own.model)
    model.load_state_dict(checkpoint['state_dict'])
    if model.has_lora:
        merge_lora(model.unet)
    partial = target.with_name(PARTIAL_PREFIX + target.name)
    # Left over from an export that was cut off.
    shutil.rmtree(partial, ignore_errors=True)
    save_parts(model.parts, partial, getattr(torch, own.get('export_dtype', EXPORT_DTYPES[0])))
    counts = checkpoint['message_hub']['runtime_info'].get(COUNTS, {})
    report = dict(iterations=checkpoint['meta']['iter'], photos=dict(photos), samples=dict(counts))
    (partial / REPORT).write_text(json.dumps(report, indent=1) + '\n', encoding='utf-8')
    if target.is_dir():
        os.rename(target, target.with_name(f'{target.name}_{exported_iterations(target)}'))
    os.rename(partial, target)


def exported_iterations(target: Path) -> int | None:
    """Return after how many iterations a generator was exported; None where there is none."""
    path = target / REPORT
    return json.loads(path.read_text(encoding='utf-8'))['iterations'] if path.is_file() else None


def last_checkpoint(folder: Path) -> str | None:
    """Return the last checkpoint of a folder, or None."""
    try:
        return find_checkpoint(str(folder))
    except FileNotFoundError:
        return None


def _meta(checkpoint: str) -> dict:
    return load_checkpoint_file(checkpoint, map_location='cpu')['meta']
