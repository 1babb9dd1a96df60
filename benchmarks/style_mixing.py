"""Time and memory of labelling one image by style mixing: 50 variations at 1024 pixels, random weights.

    python benchmarks/style_mixing.py                       # the full network; minutes on a CPU
    python benchmarks/style_mixing.py --base 4096           # an eighth of its channels
    python benchmarks/style_mixing.py --device cuda --half  # the paper: 0.9 s and 4.8 GB on an A100

Prints one JSON line: seconds of the variations and of the clustering, the clustering's share of both, and the largest
memory that the process held (on a GPU: that PyTorch reserved there). The variations come in batches and are kept as
bytes: as float32 the style summary tensor alone would take 0.63 GB, and all activations of 50 images over 20.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time

import torch

from mmseg_gen.functional.style_clustering import ClusterSettings
from mmseg_gen.functional.style_foreground import ForegroundSettings, label_styles
from mmseg_gen.generators.style_mixing import random_styles, style_stack, to_pixels
from mmseg_gen.generators.stylegan2 import StyleGan2, StyleGan2Config, default_channels

AIM_SHARE, AIM_GB = 0.2, 4.0


def main() -> int:
    """Run the benchmark; exit 1 if an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--size', type=int, default=1024, help='side of the images (%(default)s)')
    parser.add_argument('--count', type=int, default=50, help='variations (%(default)s)')
    parser.add_argument('--cutoff', type=int, default=8, help="the paper's c (%(default)s)")
    parser.add_argument('--batch', type=int, default=1, help='variations at a time (%(default)s)')
    parser.add_argument('--base', type=int, default=32768, help='channels at side s: BASE / s, at most BASE / 64')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--half', action='store_true', help='convolutions in float16')
    parser.add_argument('--threads', type=int, default=1, help='threads of PyTorch (%(default)s)')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    config = StyleGan2Config(args.size, default_channels(args.size, args.base, args.base // 64))
    model = StyleGan2(config).to(args.device).eval().requires_grad_(False)
    model.synthesis.compute_dtype = torch.float16 if args.half else torch.float32
    content = random_styles(model, 1)
    with torch.no_grad():
        image = to_pixels(model.synthesis(content))[0]
    start = seconds(args.device)
    stack = style_stack(model, content, cutoff=args.cutoff, count=args.count, batch=args.batch)
    middle = seconds(args.device)
    label_styles(stack, image, ClusterSettings(clusters=3), ForegroundSettings())
    made, labelled = middle - start, seconds(args.device) - middle
    row = {
        'benchmark': 'style_mixing',
        'size': args.size,
        'count': args.count,
        'channels': list(config.channels),
        'variations_s': round(made, 2),
        'clustering_s': round(labelled, 2),
        'clustering_share': round(labelled / (made + labelled), 4),
        'peak_gb': round(peak_bytes(args.device) / 1e9, 2),
        'aim': AIM_SHARE,
        'aim_gb': AIM_GB,
    }
    sys.stdout.write(json.dumps(row) + '\n')
    return int(row['clustering_share'] > AIM_SHARE or row['peak_gb'] > AIM_GB)


def seconds(device: str) -> float:
    """Return processor time on a CPU, so that other programs count less; wall time on a GPU."""
    if torch.device(device).type == 'cuda':
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def peak_bytes(device: str) -> int:
    """Return the most memory held so far."""
    if torch.device(device).type == 'cuda':
        return torch.cuda.max_memory_reserved()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == '__main__':
    sys.exit(main())
