"""Evaluate every metric in one process, and in as many as asked for over gloo; write both results as JSON.

    python tests/evaluation/distributed_program.py OUT.json WORLD_SIZE NUM_SAMPLES ...

The processes fork from one that has imported everything, before any of them starts a thread.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.logging import MMLogger

from mmseg_gen import evaluation

# By path: outside pytest another installed package goes by the name of `tests`.
SAMPLES = runpy.run_path(str(Path(__file__).with_name('metric_samples.py')))
BINARY, CLASSES, draw_image, draw_sample = (SAMPLES[n] for n in ('BINARY', 'CLASSES', 'draw_image', 'draw_sample'))


def channel_numbers(images):
    return torch.stack([torch.cat([i.double().mean((1, 2)), i.double().std((1, 2))]) for i in images])


def build_metrics(statistics):
    binary = [
        evaluation.BinaryIoUMetric(),
        evaluation.SaliencyMetric(),
        evaluation.BoundaryMetric(tolerance=2),
        evaluation.LocalizationMetric(threshold=0.2),
        evaluation.FrechetDistance(statistics, channel_numbers),
    ]
    many = [
        evaluation.ClassIoUMetric(per_class=True),
        evaluation.TrimapIoUMetric(),
        evaluation.StratifiedImprovementMetric(edges=(0.55, 0.75), resamples=50),
    ]
    return [(m, 2, BINARY) for m in binary] + [(m, 4, CLASSES) for m in many]


def evaluate_part(rank, world_size, count, statistics):
    """Return all scores; this process takes its share as MMEngine's DefaultSampler deals it, with the padding."""
    size = -(-count // world_size) * world_size
    scores = {}
    for metric, classes, names in build_metrics(statistics):
        metric.dataset_meta = {'classes': names}
        for position in range(rank, size, world_size):
            seed = position % count
            sample = draw_sample(seed, classes=classes, size=(12 + seed, 20), noise=0.1 * (seed % 5))
            # The sizes differ, so do the boxes that fit in them.
            sample['boxes'] = np.clip(sample['boxes'], 0, 12)
            if seed == 1:
                sample['gt_sem_seg']['data'][:] = 255
            metric.process({'inputs': [draw_image(seed)]}, [sample])
        scores |= metric.evaluate(count)
    return scores


def run_rank(rank, world_size, counts, statistics, folder):
    meeting = f'file://{folder}/meeting'
    torch.distributed.init_process_group('gloo', init_method=meeting, rank=rank, world_size=world_size)
    scores = [evaluate_part(rank, world_size, count, statistics) for count in counts]
    (folder / f'{rank}.json').write_text(json.dumps(scores))
    torch.distributed.destroy_process_group()


def main(out, world_size, counts):
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    MMLogger.get_instance('test', log_level='ERROR')
    statistics = str(out.parent / 'reference.npz')
    reference = channel_numbers([draw_image(seed) for seed in range(50, 70)]).numpy()
    np.savez(statistics, mu=reference.mean(0), sigma=np.cov(reference.T))
    context = torch.multiprocessing.get_context('fork')
    workers = [
        context.Process(target=run_rank, args=(rank, world_size, counts, statistics, out.parent))
        for rank in range(world_size)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        return 1
    parts = [json.loads((out.parent / f'{rank}.json').read_text()) for rank in range(world_size)]
    out.write_text(json.dumps({'one': [evaluate_part(0, 1, count, statistics) for count in counts], 'several': parts}))
    return 0


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1]).resolve(), int(sys.argv[2]), [int(count) for count in sys.argv[3:]]))
