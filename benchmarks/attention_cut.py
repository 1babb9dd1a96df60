"""Time AttentionCut against the bare PyMaxflow build-and-solve of the same graph, side by side in one run.

    python benchmarks/attention_cut.py                      # 512 x 512, three scenes, aim: ratio <= 2
    python benchmarks/attention_cut.py --size 1024 --image photo.jpg --profile

Prints one JSON line for each picture and one for all. The floor is what nobody can go below with the same
solver: the graph is recorded during a real call, then built and solved from ready arrays.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import maxflow
import numpy as np
import torch
from PIL import Image

from mmseg_gen.functional import attention_cut as module
from mmseg_gen.functional.attention import NEIGHBORS
from mmseg_gen.functional.attention_cut import CutSettings, attention_cut
from mmseg_gen.functional.evidence import Evidence
from mmseg_gen.generators.embedded.scenes import render_scene

AIM = 2.0
GRID, LAYERS = 64, 16  # Stable Diffusion 1.x at 512 px

Graph = tuple[np.ndarray, np.ndarray, np.ndarray]


def main() -> int:
    """Run the benchmark; exit 1 if the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--size', type=int, default=512, help='side of the pictures (%(default)s)')
    parser.add_argument('--repeats', type=int, default=9, help='timed pairs for each picture (%(default)s)')
    parser.add_argument('--image', type=Path, action='append', default=[], help='a photo to add; repeatable')
    parser.add_argument('--profile', action='store_true', help='print where the time goes, to stderr')
    args = parser.parse_args()
    # One thread for both sides of the ratio.
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    settings = CutSettings(grid='image', max_side=None)
    rows = []
    for name, image, labels in pictures(args.size, args.image):
        rows.append({'picture': name, **measure(image, evidence_for(labels), settings, args.repeats)})
        sys.stdout.write(json.dumps(rows[-1]) + '\n')
        if args.profile:
            profile(image, evidence_for(labels), settings)
    ratio = round(statistics.median(row['ratio'] for row in rows), 3)
    sys.stdout.write(json.dumps({'benchmark': 'attention_cut', 'size': args.size, 'ratio': ratio, 'aim': AIM}) + '\n')
    return int(ratio > AIM)


def pictures(size: int, photos: list[Path]) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield names, images ``(size, size, 3)`` and masks: rendered scenes, then photos with a disc as mask."""
    for seed in (11, 12, 13):
        scene = render_scene(seed, size=size, names=['dog'])
        yield f'scene {seed}', scene.image, scene.labels > 0
    rows, columns = np.mgrid[:size, :size] / size - 0.5
    for path in photos:
        photo = np.asarray(Image.open(path).convert('RGB'))
        yield (
            path.name,
            cv2.resize(photo, (size, size), interpolation=cv2.INTER_AREA),
            np.hypot(rows, columns) < 0.3,
        )


def evidence_for(labels: np.ndarray) -> Evidence:
    """Return evidence like a diffusion model's: the mask, blurred, with noise, on a 64 x 64 grid."""
    rng = np.random.default_rng(0)
    small = cv2.resize(labels.astype(np.float32), (GRID, GRID), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), 2)
    cross = soft * rng.uniform(0.2, 1, (LAYERS, 1, 1)) + rng.normal(0, 0.05, (LAYERS, GRID, GRID))
    affinity = rng.uniform(0.3, 1, (len(NEIGHBORS), GRID, GRID)) * (0.5 + 0.5 * soft)
    return Evidence(cross, cross.std((1, 2)), np.clip(soft, 0, 1), affinity)


def measure(image: np.ndarray, evidence: Evidence, settings: CutSettings, repeats: int) -> dict[str, float | int]:
    """Return the least times of both sides in ms and the median of their paired ratios."""
    graphs = recorded_graphs(image, evidence, settings)
    pairs = []
    for _ in range(repeats + 1):
        floor = seconds(lambda: [solve(*graph) for graph in graphs])
        pairs.append((seconds(lambda: attention_cut(evidence, image, settings)), floor))
    ours, floors = zip(*pairs[1:], strict=True)  # the first pair warms up
    return {
        'graphs': len(graphs),
        'ours_ms': round(min(ours) * 1e3, 2),
        'floor_ms': round(min(floors) * 1e3, 2),
        'ratio': round(statistics.median(a / b for a, b in pairs[1:]), 3),
        'ratio_of_least': round(min(ours) / min(floors), 3),
    }


def recorded_graphs(image: np.ndarray, evidence: Evidence, settings: CutSettings) -> list[Graph]:
    """Return the arguments of every cut that one call of `attention_cut` makes."""
    graphs: list[Graph] = []
    original = module.grid_cut

    def recording(*graph: np.ndarray) -> tuple[np.ndarray, float]:
        graphs.append(tuple(np.array(array) for array in graph))
        return original(*graph)

    module.grid_cut = recording
    try:
        attention_cut(evidence, image, settings)
    finally:
        module.grid_cut = original
    return graphs


def solve(cost_bg: np.ndarray, cost_fg: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Build and solve one graph with PyMaxflow's own vectorised calls and nothing else."""
    height, width = cost_fg.shape
    graph = maxflow.GraphFloat(height * width, len(NEIGHBORS) * height * width)
    nodes = graph.add_grid_nodes((height, width))
    for (dy, dx), weight in zip(NEIGHBORS, weights, strict=True):
        structure = np.zeros((3, 3))
        structure[1 + dy, 1 + dx] = 1
        graph.add_grid_edges(nodes, weights=weight, structure=structure, symmetric=True)
    graph.add_grid_tedges(nodes, cost_fg, cost_bg)
    graph.maxflow()
    return graph.get_grid_segments(nodes)


def seconds(action: Callable[[], object]) -> float:
    """Return the processor time of one call: other programs on the machine do not count."""
    start = time.process_time()
    action()
    return time.process_time() - start


def profile(image: np.ndarray, evidence: Evidence, settings: CutSettings) -> None:
    """Write the costliest functions of one call to stderr."""
    profiler = cProfile.Profile()
    profiler.runcall(attention_cut, evidence, image, settings)
    pstats.Stats(profiler, stream=sys.stderr).sort_stats('tottime').print_stats(14)


if __name__ == '__main__':
    sys.exit(main())
