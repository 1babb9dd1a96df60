"""Samples as MMEngine hands them to metrics, drawn at random, shared by the tests of metrics."""

from __future__ import annotations

import numpy as np
import torch

CLASSES = ('background', 'cat', 'dog', 'tree')
BINARY = ('background', 'foreground')


def blocks(rng, size, values, side=5):
    """Return flat patches of random values, so that there are regions and borders."""
    grid = rng.choice(values, (-(-size[0] // side), -(-size[1] // side)))
    return np.kron(grid, np.ones((side, side), np.int64))[: size[0], : size[1]]


def draw_sample(seed, classes=4, size=(21, 34), noise=0.15, ignored=0.1, dtype=torch.int64):
    rng = np.random.default_rng(seed)
    truth = blocks(rng, size, classes)
    masks = {}
    for key in ('pred_sem_seg', 'initial_seg'):
        mask = np.where(rng.random(size) < noise, rng.integers(0, classes, size), truth)
        masks[key] = np.where(blocks(rng, size, 10) == 0, rng.integers(0, classes), mask)
    truth = np.where(rng.random(size) < ignored, 255, truth)
    boxes = rng.integers(0, 10, (seed % 3 + 1, 2)).astype(np.float32)
    scores = np.clip(0.5 * (truth == 1) + 0.5 * rng.random(size), 0, 1)
    return {
        'img_path': f'photos/{seed}.jpg',
        'gt_sem_seg': {'data': torch.from_numpy(truth)[None].to(dtype)},
        'seg_logits': {'data': torch.from_numpy(scores)[None].float()},
        'boxes': np.concatenate([boxes, boxes + rng.integers(2, 11, boxes.shape)], 1).astype(np.float32),
        **{key: {'data': torch.from_numpy(mask)[None].to(dtype)} for key, mask in masks.items()},
    }


def draw_image(seed, size=(16, 24)):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, 256, (3, *size), np.uint8))


def planes(sample, *keys):
    return [sample[key]['data'][0].numpy() for key in keys]


def evaluate(metric, samples, classes=CLASSES, images=None):
    """Return the scores of one process, one sample a batch."""
    metric.dataset_meta = {'classes': classes}
    for index, sample in enumerate(samples):
        batch = {} if images is None else {'inputs': [images[index]]}
        metric.process(batch, [sample])
    return metric.evaluate(len(samples))
