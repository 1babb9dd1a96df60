"""Time an epoch of decoder training from cached features against one that computes them, in one process.

    python benchmarks/feature_cache.py                     # the embedded model, 32 scenes, T = 40, aim: ratio >= 10
    python benchmarks/feature_cache.py --steps 10 --images 64

Prints a JSON line for each pass mode and cache: processor seconds of an epoch without the cache and with it full,
their ratio, and the seconds of looking the features up alone. An epoch is what MMSeg does for each batch:
preprocessing, backbone, decoder, loss, backward and step; its floor is the decoder's own training.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

import mmseg_gen.components  # noqa: F401
from mmseg_gen.generators.embedded.scenes import render_scene
from mmseg_gen.registry import MODELS

AIM = 10.0
ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Run the benchmark; exit 1 if the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--config', default=str(ROOT / 'configs/embedded_diffusionseg.py'), help='config with the model'
    )
    parser.add_argument('--images', type=int, default=32, help='images in an epoch (%(default)s)')
    parser.add_argument('--batch', type=int, default=16, help='images at once (%(default)s)')
    parser.add_argument('--steps', type=int, default=40, help="DDIM steps; the paper's T (%(default)s)")
    parser.add_argument('--repeats', type=int, default=3, help='timed pairs (%(default)s)')
    args = parser.parse_args()
    torch.set_num_threads(1)
    batches = scene_batches(args.images, args.batch)
    worst = float('inf')
    with DefaultScope.overwrite_default_scope('mmseg'), tempfile.TemporaryDirectory() as folder:
        for passes in ('invert', 'reverse'):
            for cache in (True, str(Path(folder) / passes)):
                line = compare(args, passes, cache, batches)
                worst = min(worst, line['ratio'])
                write({'passes': passes, 'cache': 'memory' if cache is True else 'disk', **line})
    write({'ratio': worst, 'aim': AIM})
    return int(worst < AIM)


def scene_batches(count: int, size: int) -> list[dict]:
    """Return rendered scenes with their masks as MMSeg's loader gives them."""
    samples = []
    for seed in range(count):
        scene = render_scene(2_000_000 + seed, 64)
        sample = SegDataSample(metainfo=dict(img_shape=(64, 64), ori_shape=(64, 64)))
        sample.gt_sem_seg = PixelData(data=torch.from_numpy((scene.labels > 0).astype('int64'))[None])
        samples.append((torch.from_numpy(scene.image[..., ::-1].copy()).permute(2, 0, 1), sample))
    chunks = [samples[i : i + size] for i in range(0, count, size)]
    return [dict(inputs=[s[0] for s in chunk], data_samples=[s[1] for s in chunk]) for chunk in chunks]


def compare(args: argparse.Namespace, passes: str, cache: bool | str, batches: list[dict]) -> dict[str, float]:
    """Return processor seconds of an epoch without the cache and with it full, alternating, and their ratio."""
    plain, cached = (build(args, passes, choice) for choice in (False, cache))
    epoch(*cached, batches)  # fills it
    pairs = [(epoch(*plain, batches), epoch(*cached, batches)) for _ in range(args.repeats)]
    uncached, full = (statistics.median(times) for times in zip(*pairs, strict=True))
    report = cached[0].backbone.cache.report()
    return {
        'uncached_s': round(uncached, 3),
        'cached_s': round(full, 3),
        'lookup_s': round(look_up(cached[0], batches), 3),
        'ratio': round(statistics.median(a / b for a, b in pairs), 1),
        'cache_mb': round(report['mb'], 2),
        'cached_images': int(report['samples']),
    }


def build(args: argparse.Namespace, passes: str, cache: bool | str) -> tuple:
    """Return the config's model with this cache, and an optimizer."""
    settings = Config.fromfile(args.config).model
    settings.backbone.update(passes=passes, steps=args.steps, cache_features=cache)
    model = MODELS.build(settings).train()
    return model, torch.optim.Adam(model.parameters(), lr=1e-3)


def epoch(model: torch.nn.Module, optimizer: torch.optim.Optimizer, batches: list[dict]) -> float:
    """Train on every batch once and return the processor seconds that it took."""
    start = time.process_time()
    for batch in batches:
        data = model.data_preprocessor(dict(batch), training=True)
        losses = model.loss(data['inputs'], data['data_samples'])
        optimizer.zero_grad()
        sum(value for name, value in losses.items() if 'loss' in name).backward()
        optimizer.step()
    return time.process_time() - start


def look_up(model: torch.nn.Module, batches: list[dict]) -> float:
    """Return the processor seconds of preprocessing and backbone alone over an epoch."""
    start = time.process_time()
    for batch in batches:
        model.backbone(model.data_preprocessor(dict(batch), training=True)['inputs'])
    return time.process_time() - start


def write(line: dict) -> None:
    """Write one JSON line to standard output."""
    sys.stdout.write(json.dumps(line) + '\n')
    sys.stdout.flush()


if __name__ == '__main__':
    sys.exit(main())
