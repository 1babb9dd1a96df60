"""``mmseg-gen quickstart``: the whole job on the embedded models, from class names to scores on unseen scenes."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_gen.errors import UserError, check_counts

# AttentionCut has colour rounds too: without them the networks would be compared with a cut of better edges.
REFINER = 'color-cut'
METHOD_TITLES = {'unet_on_synthetic': 'U-Net', 'diffusionseg': 'DiffusionSeg'}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('--config', default='configs/embedded_diffusionseg.py', help='DiffusionSeg')
    parser.add_argument('--unet-config', default='configs/embedded_unet.py', help='U-Net on the same synthetic set')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/quickstart'))
    parser.add_argument('--num-samples', type=int, help='synthetic pairs; default: as the config says')
    parser.add_argument('--num-scenes', type=int, default=200, help='held-out scenes')
    parser.add_argument(
        '--iterations', type=int, help='training iterations of each segmentor; default: as the configs say'
    )


def run(args: argparse.Namespace) -> int:
    """Run the job and return 0; ``work_dir`` then holds ``summary.json`` and ``sheet.png``.

    What is already there is reused: pairs and scenes are completed, training goes on from its last checkpoint.
    """
    start = time.monotonic()
    from mmengine.logging import MMLogger

    from mmseg_gen.datasets.scenes import write_duts_scenes
    from mmseg_gen.engine.synthesis import synthesize
    from mmseg_gen.functional.writing import encode_png, write_bytes

    # Before the long work starts.
    check_counts(args, 'num_samples', 'num_scenes', 'iterations')
    config, unet_config = _configs(args)
    logger = MMLogger.get_instance('mmseg_gen')
    report = synthesize(config, args.work_dir / 'synthetic')
    names = write_duts_scenes(args.work_dir / 'scenes', args.num_scenes)
    logger.info('Scoring the training-free methods on %d scenes ...', args.num_scenes)
    free = _score_training_free(config, _read_scenes(args.work_dir / 'scenes', names))
    trained = {
        **_train_and_predict(unet_config, args.work_dir, 'unet', 'unet_on_synthetic', args.iterations),
        **_train_and_predict(config, args.work_dir, 'diffusionseg', 'diffusionseg', args.iterations),
    }
    summary = _summarize(free, trained, report.kept, time.monotonic() - start)
    write_bytes(args.work_dir / 'summary.json', (json.dumps(summary, indent=2) + '\n').encode('utf-8'))
    write_bytes(args.work_dir / 'sheet.png', encode_png(_sheet(free, trained)))
    logger.info('Per-image IoU on %d unseen scenes:', args.num_scenes)
    for name, value in summary['iou'].items():
        logger.info('  %-23s %.3f  95 %% interval [%.3f, %.3f]', name, value, *summary['iou_ci95'][name])
    logger.info('Took %.0f s. Summary and pictures: %s', summary['seconds'], args.work_dir)
    return 0


def _configs(args: argparse.Namespace) -> tuple[Any, Any]:
    """Return both configs, with the number of samples and the folders of this run."""
    from mmseg_gen.engine.config_file import read_config

    for path in (args.config, args.unet_config):
        if not Path(path).is_file():
            cure = 'run from the root of a checkout, or name --config and --unet-config'
            raise UserError(f'Expected a config file, but there is no {path}; {cure}.')
    config, unet_config = read_config(args.config), read_config(args.unet_config)
    if 'synthesis' not in config:
        raise UserError(f'Expected {args.config} to have a key `synthesis`, but it has none.')
    config.synthesis.output = str(args.work_dir / 'synthetic')
    if args.num_samples is not None:
        config.synthesis.num_samples = args.num_samples
    return config, unet_config


def _read_scenes(root: Path, names: dict[str, str]) -> list:
    from mmseg_gen.evaluation.training_free import LabelledImage

    samples = []
    for stem, class_name in sorted(names.items()):
        image = cv2.imread(str(root / 'DUTS-TE' / 'DUTS-TE-Image' / f'{stem}.png'), cv2.IMREAD_COLOR)
        mask = cv2.imread(str(root / 'DUTS-TE' / 'DUTS-TE-Mask' / f'{stem}.png'), cv2.IMREAD_GRAYSCALE)
        samples.append(LabelledImage(np.ascontiguousarray(image[..., ::-1]), class_name, mask >= 128))
    return samples


def _cut_settings(config: Any):
    from mmseg_gen.functional.attention_cut import CutSettings

    labeller = {k: v for k, v in config.synthesis.labeller.items() if k != 'type'}
    return CutSettings(**{**config.synthesis.evidence, **labeller})


def _score_training_free(config: Any, samples: list) -> dict[str, Any]:
    from mmseg_gen.evaluation.training_free import invert_for_evidence, score_training_free
    from mmseg_gen.generators.parts import load_parts

    settings = _cut_settings(config)
    parts = load_parts(config.synthesis.generator)
    evidence = invert_for_evidence(parts, samples, settings, steps=config.synthesis.steps)
    return dict(
        samples=samples, evidence=evidence, settings=settings, scores=score_training_free(samples, evidence, settings)
    )


def _train_and_predict(
    config: Any, work_dir: Path, folder: str, name: str, iterations: int | None
) -> dict[str, dict[str, np.ndarray]]:
    """Train a config in ``work_dir/folder`` and return each scene's mask by stem: the network's alone, and refined."""
    from mmengine.runner import Runner

    from mmseg_gen.engine.hooks import RefinementHook
    from mmseg_gen.engine.run_name import name_run
    from mmseg_gen.refiners.presets import preset

    config.work_dir = str(work_dir / folder)
    name_run(config, folder)
    config.train_dataloader.dataset.data_root = str(work_dir / 'synthetic')
    config.test_dataloader.dataset.data_root = str(work_dir / 'scenes')
    config.resume = True
    if iterations:
        config.train_cfg.max_iters = config.train_cfg.val_interval = iterations
    runner = Runner.from_cfg(config)
    runner.train()
    alone = _predict(runner)
    runner.register_hook(RefinementHook(preset(REFINER)))
    return {f'{name}_alone': alone, name: _predict(runner)}


def _predict(runner: Any) -> dict[str, np.ndarray]:
    from mmseg_gen.engine.prediction_collector import PredictionCollector

    collector = PredictionCollector()
    runner.register_hook(collector)
    runner.test()
    # The hook stays and would collect those of the next test too.
    return dict(collector.masks)


def _summarize(free: dict, trained: dict, num_synthetic: int, seconds: float) -> dict[str, Any]:
    import torch

    from mmseg_gen.functional.bootstrap import bootstrap_mean_interval
    from mmseg_gen.functional.saliency import foreground_iou

    iou = dict(free['scores'].iou)
    for name, masks in trained.items():
        pairs = zip(_ordered(masks), free['samples'], strict=True)
        iou[name] = np.array([float(foreground_iou(torch.from_numpy(p), torch.from_numpy(s.mask))) for p, s in pairs])
    cut = iou['attention_cut']
    return {
        'seconds': round(seconds, 1),
        'n_synthetic': num_synthetic,
        'n_scenes': len(cut),
        'attention_auc': round(float(free['scores'].auc.mean()), 4),
        'iou': {name: round(float(values.mean()), 4) for name, values in iou.items()},
        'iou_ci95': {name: _rounded(bootstrap_mean_interval(values)) for name, values in iou.items()},
        'difference_to_attention_cut_ci95': {
            name: _rounded(bootstrap_mean_interval(values - cut))
            for name, values in iou.items()
            if name != 'attention_cut'
        },
    }


def _rounded(interval: tuple[float, float]) -> list[float]:
    return [round(v, 4) for v in interval]


def _ordered(masks: dict[str, np.ndarray]) -> list[np.ndarray]:
    return [masks[stem] for stem in sorted(masks)]


def _sheet(free: dict, trained: dict, rows: int = 10) -> np.ndarray:
    """Return the picture of the first scenes and what each method makes of them, RGB."""
    from mmseg_gen.functional.evidence import cross_map
    from mmseg_gen.visualization.overlay import overlay_mask
    from mmseg_gen.visualization.sheet import picture_sheet

    ordered = {name: _ordered(masks) for name, masks in trained.items() if name in METHOD_TITLES}
    table = []
    for i, sample in enumerate(free['samples'][:rows]):
        predictions = [overlay_mask(sample.image, masks[i]) for masks in ordered.values()]
        cut = free['scores'].masks[i]
        table.append(
            [sample.image, cross_map(free['evidence'][i], free['settings'].top_k), cut, *predictions, sample.mask]
        )
    titles = ['image', 'attention', 'AttentionCut', *(METHOD_TITLES[name] for name in ordered), 'truth']
    return picture_sheet(table, titles)
