"""Time mean attention maps with the times in batches against one time after the other, side by side in one process.

    python benchmarks/mean_attention.py                 # the embedded model, one photo; aim: ratio >= 1.5
    python benchmarks/mean_attention.py --photos 8 --batch 40

Prints one JSON line with the ratio of processor times and of wall times, medians of alternating pairs, and how far the
maps differ.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable

import torch

from mmseg_gen.generators.embedded.scenes import render_scene
from mmseg_gen.generators.latents import encode_images
from mmseg_gen.generators.mean_attention import MeanAttention, concept_prompt
from mmseg_gen.generators.parts import load_parts

AIM = 1.5


def main() -> int:
    """Run the benchmark; exit 1 if the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--model', default='embedded', help='name, folder or file (%(default)s)')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--threads', type=int, default=1, help='threads of PyTorch (%(default)s)')
    parser.add_argument('--photos', type=int, default=1, help='photos at once (%(default)s)')
    parser.add_argument('--used', type=int, default=40, help='T0, times of each photo (%(default)s)')
    parser.add_argument('--batch', type=int, default=20, help='samples in one pass (%(default)s)')
    parser.add_argument('--repeats', type=int, default=9, help='timed pairs (%(default)s)')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    parts = load_parts(args.model, device=args.device)
    images = [torch.from_numpy(render_scene(i, parts.default_size, ['bird']).image) for i in range(args.photos)]
    latents = encode_images(parts, torch.stack(images).permute(0, 3, 1, 2) / 127.5 - 1)
    prompts = [concept_prompt(parts, 'a photo of a bird', [['bird']])] * args.photos
    batched = MeanAttention(parts, used=args.used, max_batch=args.batch)
    single = MeanAttention(parts, used=args.used, max_batch=1)
    runs = [lambda own=own: own.maps(latents, prompts, range(args.photos)) for own in (single, batched)]
    slow, fast = (run() for run in runs)
    pairs = [tuple(seconds(run, args.device) for run in runs) for _ in range(args.repeats)]
    wall, busy = (statistics.median(a[kind] / b[kind] for a, b in pairs) for kind in (0, 1))
    line = {
        'benchmark': 'mean_attention',
        'photos': args.photos,
        'times': args.used,
        'batch': args.batch,
        'single_s': min(a[0] for a, _ in pairs),
        'batched_s': min(b[0] for _, b in pairs),
        'ratio_wall': round(wall, 2),
        'ratio_processor': round(busy, 2),
        'difference': (slow - fast).abs().max().item(),
        'aim': AIM,
    }
    sys.stdout.write(json.dumps(line) + '\n')
    return int((wall if args.device != 'cpu' else busy) < AIM)


def seconds(run: Callable[[], object], device: str) -> tuple[float, float]:
    """Return wall and processor time of one call."""
    start, busy = time.perf_counter(), time.process_time()
    run()
    if torch.device(device).type == 'cuda':
        torch.cuda.synchronize()
    return time.perf_counter() - start, time.process_time() - busy


if __name__ == '__main__':
    raise SystemExit(main())
