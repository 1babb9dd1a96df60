"""AttentionCut with the embedded model in bfloat16 beside float32, on the same held-out scenes: masks and time.

    python benchmarks/number_formats.py                 # 40 scenes, about a minute of processor time
    python benchmarks/number_formats.py --scenes 4

The last line has the mean IoU of both, the mean of the paired differences (bfloat16 minus float32) with its 95 %
bootstrap interval, how far their masks agree, and the ratio of processor times (bfloat16 over float32).
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from measuring import alternating, write

from mmseg_gen.api.attention_cut import AttentionCutSegmenter
from mmseg_gen.functional.bootstrap import bootstrap_mean_interval
from mmseg_gen.generators.parts import load_parts
from mmseg_gen.tables.scenes import labelled_scenes


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--scenes', type=int, default=40, help='held-out scenes (%(default)s)')
    args = parser.parse_args()
    torch.set_num_threads(1)
    scenes = labelled_scenes(args.scenes)
    formats = (torch.float32, torch.bfloat16)
    models = [load_parts('embedded', dtype=dtype) for dtype in formats]
    makers = [{name: AttentionCutSegmenter(m, name) for name in {s.class_name for s in scenes}} for m in models]
    masks = [[maker[scene.class_name](scene.image).mask > 0 for scene in scenes] for maker in makers]
    times = alternating([lambda m=maker: m[scenes[0].class_name](scenes[0].image) for maker in makers], repeats=3)
    scores = [np.array([iou(a, s.mask) for a, s in zip(own, scenes, strict=True)]) for own in masks]
    gap = scores[1] - scores[0]
    line = {'benchmark': 'number_formats', 'scenes': args.scenes}
    line |= {'iou_float32': float(scores[0].mean()), 'iou_bfloat16': float(scores[1].mean())}
    line |= {'difference': float(gap.mean()), 'interval': [round(x, 4) for x in bootstrap_mean_interval(gap)]}
    line |= {'iou_of_the_two': float(np.mean([iou(a, b) for a, b in zip(*masks, strict=True)]))}
    write({**line, 'largest_difference': float(np.abs(gap).max()), 'ratio': min(times[1]) / min(times[0])})
    return 0


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Return the intersection of two masks over their union; 1 where both are empty."""
    union = np.logical_or(a, b).sum()
    return float(np.logical_and(a, b).sum() / union) if union else 1.0


if __name__ == '__main__':
    raise SystemExit(main())
